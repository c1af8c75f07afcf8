"""docs/things.md does what it says: its configuration is used, and its shell lines are run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tomllib

from tests.conftest import StartServer
from tests.flows.site_steps import start_site
from tests.meta.project import ROOT

PAGE = (ROOT / "docs" / "things.md").read_text()


def blocks(language: str) -> str:
    """All code of the page in this language."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S))


async def test_the_page_works_as_pasted(start_server: StartServer) -> None:
    things = tomllib.loads(blocks("toml"))["things"]
    server = await start_site(start_server, things=json.dumps(things))
    script = blocks("sh")
    assert script.count("tell ") > 3
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        env={
            "PATH": os.environ["PATH"],
            "ORIGIN": server.origin,
            "SITE_TOKEN": server.tokens["site"],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    await server.drained()
    ann = server.id("ann")
    assert (await server.get(ann)).json["type"] == "Person"
    gone = await server.get("/things?id=https://shop.example/projects/1")
    assert gone.status == 410
    issue = await server.get("/things?id=https://shop.example/issues/2")
    assert (issue.json["name"], issue.json["attributedTo"]) == ("It is broken", ann)
    assert (await server.get("/actors/ann/following")).json["totalItems"] == 0
