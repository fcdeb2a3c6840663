"""Do the lock files belong to pyproject.toml as it is? Says so without any network, by a fingerprint in their first line."""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")


def fingerprint() -> str:
    """The dependencies as written, whatever their order and comments."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {"": project["project"]["dependencies"], **project["dependency-groups"]}
    text = json.dumps({name: sorted(specs) for name, specs in wanted.items()}, sort_keys=True)
    return f"# dependencies of pyproject.toml: {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def main() -> int:
    wanted, current = fingerprint(), True
    for name in LOCKS:
        path = ROOT / name
        lines = path.read_text(encoding="utf-8").splitlines()
        if "--stamp" in sys.argv:
            rest = [line for line in lines if not line.startswith("# dependencies of ")]
            path.write_text("\n".join([wanted, *rest]) + "\n", encoding="utf-8")
        elif lines[:1] != [wanted]:
            print(f"{name} does not belong to pyproject.toml any more: run scripts/lock")
            current = False
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
