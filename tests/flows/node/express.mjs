// A web application on express-openid-connect: node express.mjs, with what it is configured with on standard input.
import express from "express";
import oidc from "express-openid-connect";

const { auth, requiresAuth } = oidc;
let input = "";
for await (const piece of process.stdin) input += piece;
const { port, ...configuration } = JSON.parse(input);

const app = express();
app.use(auth({ authRequired: false, idpLogout: true, ...configuration }));
app.get("/", (request, response) => response.json({ signedIn: request.oidc.isAuthenticated() }));
app.get("/profile", requiresAuth(), async (request, response) => {
  const { user, accessToken } = request.oidc;
  response.json({ user, userinfo: accessToken ? await request.oidc.fetchUserInfo() : null });
});
app.get("/refreshed", requiresAuth(), async (request, response) => {
  const before = request.oidc.accessToken.access_token;
  const { access_token } = await request.oidc.accessToken.refresh();
  response.json({ another: access_token !== before });
});
app.listen(port, "127.0.0.1", () => console.log("ready"));
