"""Writes the bill of materials from requirements.lock: every package with its version, hashes and licence (CycloneDX 1.6).

Licences are those that the installed packages state. The same lock gives the same bill, to the byte.
https://cyclonedx.org/docs/1.6/json/
"""

import json
import re
import sys
import tomllib
import uuid
from importlib.metadata import PackageNotFoundError, metadata, requires
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)(?: *; *([^\\]+?))? *\\?$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
EXPRESSION = re.compile(r"[A-Za-z0-9.+() -]{1,200}")
Component = dict[str, Any]


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    parts = components(lock)
    ours = f"pkg:generic/{project['name']}@{project['version']}"  # no package index has it under this name
    known = {part["name"]: part["bom-ref"] for part in parts}
    direct = [known[name] for name in sorted(map(named, project["dependencies"])) if name in known]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ours + lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": project["name"],
                "version": project["version"],
                "purl": ours,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": ours, "dependsOn": direct}, *(depends(part, known) for part in parts)],
    }


def components(lock: str) -> list[Component]:
    """In the order of the lock. What is for some systems only is in it too, marked as optional."""
    found: list[Component] = []
    for line in lock.splitlines():
        if pinned := PINNED.match(line):
            name, version, marker = named(pinned[1]), pinned[2], pinned[3]
            purl = f"pkg:pypi/{name}@{version}"
            found.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
            found[-1] |= {"scope": "optional" if marker else "required", "hashes": [], **licence(name)}
        elif digest := HASH.search(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest[1]})
    return found


def licence(name: str) -> dict[str, Any]:
    """As the package says: an SPDX expression, else its own words."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return {}
    expression = told["License-Expression"]
    if expression and EXPRESSION.fullmatch(expression):
        return {"licenses": [{"expression": expression}]}
    filed = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or [] if c.startswith("License :: OSI")]
    words = filed or [line for line in (told["License"] or "").splitlines()[:1] if line]
    return {"licenses": [{"license": {"name": word}} for word in words]} if words else {}


def depends(part: Component, known: dict[str, str]) -> dict[str, Any]:
    """What it asks for without extras, as far as it is in the lock."""
    try:
        asked = [each for each in requires(part["name"]) or [] if "extra ==" not in each]
    except PackageNotFoundError:
        asked = []
    return {"ref": part["bom-ref"], "dependsOn": sorted({known[n] for n in map(named, asked) if n in known})}


def named(requirement: str) -> str:
    """The package's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    sys.stdout.write(json.dumps(bill(lock, project), indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
