// An OAuth server that others wrote (oidc-provider), strict about rotation: a refresh token seen twice ends its family.
// Prints its address, serves until its standard input closes. /control/* is ours, for the tests.
import { once } from "node:events";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const seen = []; // every token request: what was sent, and how it ended
const grants = new Map(); // grant id -> account
const access = []; // every access token

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "redkey",
      client_secret: "the-secret-of-the-practice-client",
      redirect_uris: ["http://127.0.0.1:8080/oauth/callback/elsewhere"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  cookies: { keys: ["practice"] },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true } },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  scopes: ["openid", "offline_access"],
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, RefreshToken: 86400, Session: 86400, Interaction: 600, IdToken: 3600 },
});
provider.on("server_error", (_ctx, error) => console.error(error));
provider.on("grant.success", (ctx) => {
  const { Grant: grant, Account: account } = ctx.oidc.entities;
  grants.set(grant.jti, account.accountId);
});
provider.on("access_token.saved", (token) => access.push(token));
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path !== "/token") return;
  const { grant_type, refresh_token, code } = ctx.oidc?.params ?? {};
  seen.push({ grant_type, sent: refresh_token ?? code, status: ctx.status, error: ctx.body?.error });
});

async function controlled(url) {
  if (url.pathname === "/control/seen") return seen;
  const account = url.searchParams.get("account");
  if (url.pathname === "/control/end-access") {
    const theirs = access.filter(({ accountId }) => accountId === account);
    for (const token of theirs) await token.destroy(); // alone: a revocation would take the refresh token along
    return { ended: theirs.length };
  }
  const theirs = [...grants].filter(([, whose]) => whose === account).map(([id]) => id);
  for (const id of theirs) {
    await (await provider.Grant.find(id))?.destroy(); // as a person who takes back the consent in the account's settings
    grants.delete(id);
  }
  return { withdrawn: theirs.length };
}

const serve = provider.callback();
server.on("request", async (request, response) => {
  const url = new URL(request.url, issuer);
  if (!url.pathname.startsWith("/control/")) return serve(request, response);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(await controlled(url)));
});

console.log(JSON.stringify({ issuer }));
process.stdin.resume().on("end", () => process.exit(0));
