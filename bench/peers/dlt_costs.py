"""The peer of `bench cost`: dlt's REST source, run by .venv-bench. Arguments: address, accounts, pages, destination."""

import json
import os
import sys
from time import perf_counter, process_time
from urllib.parse import urlsplit

for name, value in {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "200000",
}.items():
    os.environ[name] = value

import dlt  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402


def _postgres(url: str) -> object:
    """It wants a host's name; where a socket is meant, the address says so behind the question mark."""
    parts = urlsplit(url)
    user, secret = parts.username or "postgres", parts.password or "-"
    address = f"postgresql://{user}:{secret}@{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
    return dlt.destinations.postgres(f"{address}?{parts.query}")


def main() -> None:
    address, accounts, pages, url, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
    paginator = {
        "type": "page_number", "base_page": 0, "page_param": "page", "total_path": None, "maximum_page": pages,
    }  # fmt: skip
    endpoint = {"data_selector": "results", "paginator": paginator}
    source = rest_api_source(
        {
            "client": {"base_url": address},
            "resources": [
                {"name": f"a{n}", "table_name": "costs", "endpoint": {"path": f"rows/{n}", **endpoint}}
                for n in range(accounts)
            ],
        }
    )
    to = _postgres(url) if url.startswith("postgresql") else dlt.destinations.sqlalchemy(url)
    pipeline = dlt.pipeline("costs", destination=to, dataset_name="costs", pipelines_dir=folder)
    wall, cpu = perf_counter(), process_time()
    pipeline.run(source, write_disposition="append")
    spent = perf_counter() - wall, process_time() - cpu
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT COUNT(*) FROM costs")[0][0]
    print(json.dumps({"wall": spent[0], "cpu": spent[1], "rows": rows}))


if __name__ == "__main__":
    main()
