#!/usr/bin/env python3
"""Writes browsers.tsv and systems.tsv anew from uap-core's rules.

    pip download --no-deps ua-parser-builtins
    unzip ua_parser_builtins-*.whl
    python3 refresh.py ua_parser_builtins/regexes.py REVISION
"""

import re
import sys
import types
from pathlib import Path

rules, revision = Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text().strip()

# The wheel's module calls one constructor per rule: (pattern, family, versions…). Only the first two matter here.
stub = types.ModuleType("ua_parser.user_agent_parser")
stub.UserAgentParser = stub.OSParser = stub.DeviceParser = lambda pattern, family=None, *_, **__: (pattern, family or "")
sys.modules["ua_parser"] = types.ModuleType("ua_parser")
sys.modules["ua_parser.user_agent_parser"] = stub
found = {}
exec(rules, found)

for name, key in (("browsers.tsv", "USER_AGENT_PARSERS"), ("systems.tsv", "OS_PARSERS")):
    lines = [f"# uap-core {revision}, {key}: regex, then the family where the first group is not it. Apache-2.0, see LICENSE."]
    for pattern, family in found[key]:
        assert not re.search(r"[\t\n]", pattern + family) and not pattern.startswith("#"), pattern
        lines.append(f"{pattern}\t{family}" if family else pattern)
    Path(__file__).with_name(name).write_text("\n".join(lines) + "\n")
    print(name, len(found[key]))
