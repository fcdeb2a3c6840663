// The peer of `bench push`: jsforce, from tests/second_opinions. Arguments: address, number of records, folder of jsforce.
// It has its records in memory already and remembers nothing: the least that could be done.
import { createRequire } from "node:module";

const [address, count, folder] = process.argv.slice(2);
const jsforce = createRequire(folder + "/package.json")("jsforce");
const connection = new jsforce.Connection({ version: "66.0", instanceUrl: address, accessToken: "token" });
const records = Array.from({ length: Number(count) }, (_, n) => ({
  UniqueId__c: `TP2_${String(n).padStart(9, "0")}`,
  Email__c: `person${n}@example.com`,
  Medium__c: "cpc",
  Source__c: "google",
  Campaign__c: `Été ${n % 100}`,
}));
const began = performance.now(), used = process.cpuUsage();
let rows = 0;
for (let at = 0; at < records.length; at += 10_000) {
  const done = await connection.bulk2.loadAndWaitForResults({
    object: "Touchpoint__c",
    operation: "upsert",
    externalIdFieldName: "UniqueId__c",
    input: records.slice(at, at + 10_000),
    pollInterval: 1,
    pollTimeout: 60_000,
  });
  rows += new Set(done.successfulResults.map((row) => row.UniqueId__c)).size;
}
const { user, system } = process.cpuUsage(used);
const peak = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ wall: (performance.now() - began) / 1000, cpu: (user + system) / 1e6, rows, peak }));
