// jose (npm) as a verifier that runs on: one JSON object for each line in, one word for each line out.
import { createInterface } from 'node:readline'
import { createLocalJWKSet, jwtVerify } from 'jose'

for await (const line of createInterface({ input: process.stdin })) {
  const { token, jwks, now, ...expected } = JSON.parse(line)
  try {
    await jwtVerify(token, createLocalJWKSet(jwks), { ...expected, currentDate: new Date(now * 1000) })
    console.log('good')
  } catch (refusal) {
    console.log(refusal.code ?? String(refusal))
  }
}
