// Steps of applications on unmodified openid-client: each line on stdin is a step as JSON, each line on stdout its result.
// Nothing is kept between steps: what an application stores in its session is returned as `remembered` and sent again.
import { createInterface } from 'node:readline'
import { importJWK } from 'jose'
import * as client from 'openid-client'

const MODES = { 'id_token': client.useIdTokenResponseType, 'code id_token': client.useCodeIdTokenResponseType }

const key = async ({ jwk }) => ({ key: await importJWK(jwk), kid: jwk.kid })

const authentication = async (app) =>
  ({
    none: () => client.None(),
    client_secret_basic: () => client.ClientSecretBasic(app.client_secret),
    client_secret_post: () => client.ClientSecretPost(app.client_secret),
    client_secret_jwt: () => client.ClientSecretJwt(app.client_secret),
    private_key_jwt: async () => client.PrivateKeyJwt(await key(app)),
  })[app.method]()

// Everything is found by discovery; every signature is verified, also where TLS would do in its stead.
const discovered = async (app) =>
  client.discovery(new URL(app.issuer), app.client_id, app.metadata, await authentication(app), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks, MODES[app.response_type]].filter(Boolean),
  })

const registered = async ({ app, metadata, initial_access_token: initialAccessToken }) =>
  (
    await client.dynamicClientRegistration(new URL(app.issuer), metadata, undefined, {
      initialAccessToken,
      execute: [client.allowInsecureRequests],
    })
  ).clientMetadata()

const withCode = (app) => app.response_type !== 'id_token'

const steps = {
  async start(config, { app, parameters, by }) {
    const remembered = {
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
      pkceCodeVerifier: withCode(app) ? client.randomPKCECodeVerifier() : undefined,
    }
    const asked = { ...parameters, state: remembered.expectedState, nonce: remembered.expectedNonce }
    if (remembered.pkceCodeVerifier) {
      asked.code_challenge = await client.calculatePKCECodeChallenge(remembered.pkceCodeVerifier)
      asked.code_challenge_method = 'S256'
    }
    const url = await {
      query: () => client.buildAuthorizationUrl(config, asked),
      par: () => client.buildAuthorizationUrlWithPAR(config, asked),
      jar: async () => client.buildAuthorizationUrlWithJAR(config, asked, await key(app)),
      async jarByPar() {
        const { searchParams } = await client.buildAuthorizationUrlWithJAR(config, asked, await key(app))
        return client.buildAuthorizationUrlWithPAR(config, searchParams)
      },
    }[by ?? 'query']()
    return { url: url.href, remembered }
  },

  async finish(config, { app, callback, form, remembered }) {
    const arrived = form
      ? new Request(callback, { method: 'POST', body: new URLSearchParams(form) })
      : new URL(callback)
    if (withCode(app)) return tokens(await client.authorizationCodeGrant(config, arrived, remembered))
    const { expectedNonce, expectedState } = remembered
    return { claims: await client.implicitAuthentication(config, arrived, expectedNonce, { expectedState }) }
  },

  async clientCredentials(config, { parameters }) {
    return tokens(await client.clientCredentialsGrant(config, parameters))
  },

  async password(config, { parameters }) {
    return tokens(await client.genericGrantRequest(config, 'password', parameters))
  },

  async deviceStart(config, { parameters }) {
    return client.initiateDeviceAuthorization(config, parameters)
  },

  async devicePoll(config, { codes }) {
    return tokens(await client.pollDeviceAuthorizationGrant(config, codes))
  },

  async refresh(config, { refresh_token: token }) {
    return tokens(await client.refreshTokenGrant(config, token))
  },

  async revoke(config, { token }) {
    await client.tokenRevocation(config, token)
    return {}
  },

  async introspect(config, { token }) {
    return client.tokenIntrospection(config, token)
  },

  async userinfo(config, { access_token: token, subject }) {
    return client.fetchUserInfo(config, token, subject)
  },

  async endSession(config, { parameters }) {
    return { url: client.buildEndSessionUrl(config, parameters).href }
  },
}

// The claims are those that openid-client has verified.
const tokens = (answer) => ({ ...answer, claims: answer.claims?.() })

const refusal = (error) => ({
  refused: { name: error.name, code: error.code, error: error.error, message: String(error.cause?.message ?? error.message) },
})

for await (const line of createInterface({ input: process.stdin })) {
  const input = JSON.parse(line)
  const { step } = input
  const output = await (
    step === 'register' ? registered(input) : discovered(input.app).then((config) => steps[step](config, input))
  ).catch(refusal)
  process.stdout.write(`${JSON.stringify(output)}\n`)
}
