// jsforce, a Salesforce client that others wrote, driven by lines of JSON: {"do": "query", ...} in, what it made of the
// answer out. One connection at a time; "connect" opens the next. Ends when its standard input does.
import { createInterface } from "node:readline";
import jsforce from "jsforce";

let connection;
let refreshed;

const does = {
  connect({ login, ...how }) {
    refreshed = [];
    const oauth2 = login && { loginUrl: login.url, clientId: login.id, clientSecret: login.secret, redirectUri: login.redirect };
    connection = new jsforce.Connection({ version: "66.0", oauth2, ...how });
    connection.on("refresh", (accessToken, answer) => refreshed.push({ accessToken, refreshToken: answer.refresh_token }));
  },
  authorize({ code, verifier }) {
    return connection.authorize(code, { code_verifier: verifier });
  },
  state() {
    const { accessToken, refreshToken, instanceUrl, limitInfo } = connection;
    return { accessToken, refreshToken, instanceUrl, limitInfo, refreshed };
  },
  identity: () => connection.identity(),
  versions: () => connection.request("/services/data"),
  describe: ({ object }) => connection.describe(object),
  describeGlobal: () => connection.describeGlobal(),
  limits: () => connection.limits(),
  async query({ soql }) {
    const small = { headers: { "Sforce-Query-Options": "batchSize=200" } };
    const pages = [await connection.query(soql, small)];
    while (!pages.at(-1).done) pages.push(await connection.queryMore(pages.at(-1).nextRecordsUrl, small));
    return { total: pages[0].totalSize, pages: pages.length, records: pages.flatMap((page) => page.records) };
  },
  upsert: ({ object, records, key, ...options }) => connection.sobject(object).upsert(records, key, options),
  bulk: ({ object, records, key }) =>
    connection.bulk2.loadAndWaitForResults({
      object,
      operation: "upsert",
      externalIdFieldName: key,
      input: records,
      pollInterval: 20,
      pollTimeout: 20_000,
    }),
  async abort({ object, records, key }) {
    const job = connection.bulk2.createJob({ object, operation: "upsert", externalIdFieldName: key });
    await job.open();
    await job.uploadData(records);
    await job.abort();
    const { state } = await job.check();
    const unprocessed = await job.getUnprocessedRecords();
    await job.delete();
    const left = await job.check().catch((error) => error.errorCode);
    return { state, unprocessed, left };
  },
  revoke: () => connection.logoutByOAuth2(true),
};

async function answer(line) {
  const { do: what, ...more } = JSON.parse(line);
  try {
    return { ok: (await does[what](more)) ?? null };
  } catch (error) {
    return { error: { name: error.name, code: error.errorCode, message: error.message } };
  }
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(line)));
process.exit(0);
