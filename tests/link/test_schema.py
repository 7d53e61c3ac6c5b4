from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.link import harness
from wagekit.link import codec, schema
from wagekit.link.render import render_header, render_tables
from wagekit.link.schema import Field, Message

ALL_FIELDS = [m.fields for m in (*schema.REQUESTS, *schema.NOTICES)] + [
    m.reply for m in schema.REQUESTS if m.reply
]


def test_codes_are_unique_and_in_their_ranges() -> None:
    codes = [message.code for message in (*schema.REQUESTS, *schema.NOTICES)]
    names = [message.name for message in (*schema.REQUESTS, *schema.NOTICES)]
    assert len(set(codes)) == len(codes)
    assert len(set(names)) == len(names)
    assert all(0 < message.code < schema.REPLY for message in schema.REQUESTS)
    assert all(message.code >= 0x80 for message in schema.NOTICES)
    for table in (schema.ERRORS, schema.FAULT_CAUSES, schema.BATCH_FLAGS, schema.HELLO_FLAGS):
        assert len({code.value for code in table}) == len({code.name for code in table}) == len(table)


@pytest.mark.parametrize("fields", ALL_FIELDS)
def test_fields_fit_the_smallest_frame_and_are_appended_in_order(fields: tuple[Field, ...]) -> None:
    limit = 2 * schema.MIN_FRAME_BYTES if fields == schema.find("fault").fields else schema.MIN_FRAME_BYTES
    assert schema.wire_size(fields) <= limit
    assert all(field.kind != "tail" for field in fields[:-1]), "a tail is the last field"
    appended = [field.default is not None for field in fields]
    assert appended == sorted(appended), "fields with a default stand behind those without"
    if fields and fields[-1].kind == "tail":
        assert not any(appended), "nothing can be appended behind a tail"


@given(st.data())
def test_payloads_survive_the_codec(data: st.DataObject) -> None:
    fields = data.draw(st.sampled_from(ALL_FIELDS))
    values: dict[str, codec.Value] = {}
    for field in fields:
        if field.kind == "bytes":
            values[field.name] = data.draw(st.binary(min_size=field.size, max_size=field.size))
        elif field.kind == "tail":
            values[field.name] = data.draw(st.binary(max_size=40))
        elif field.kind == "text":
            values[field.name] = data.draw(st.text(st.characters(codec="ascii"), max_size=field.size))
        else:
            bits = 8 * schema.SIZES[field.kind]
            low, high = (
                (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if field.kind[0] == "i" else (0, (1 << bits) - 1)
            )
            values[field.name] = data.draw(st.integers(low, high))
    payload = codec.encode(fields, values)
    assert codec.decode(fields, payload).values == values
    if not fields or fields[-1].kind != "tail":
        assert codec.decode(fields, payload + b"from the future").values == values


def test_the_codec_refuses_what_does_not_fit() -> None:
    fields = schema.find("set_rule").fields
    with pytest.raises(ValueError, match="no such field: speed"):
        codec.encode(fields, {"log2_lr": 0, "rule": 0, "speed": 1})
    with pytest.raises(ValueError, match="rule is missing"):
        codec.encode(fields, {"log2_lr": 0})
    with pytest.raises(ValueError, match=r"log2_lr .i8. cannot hold 128"):
        codec.encode(fields, {"log2_lr": 128, "rule": 0})
    with pytest.raises(codec.PayloadError, match="ends in field rule"):
        codec.decode(fields, b"\x01")


def test_an_appended_field_has_its_default_where_the_sender_is_older() -> None:
    fields = (Field("old", "u8", ""), Field("new", "u16", "", default=513))
    assert codec.decode(fields, b"\x07").values == {"old": 7, "new": 513}
    assert codec.decode(fields, b"\x07\x01\x00").values == {"old": 7, "new": 1}
    assert codec.encode(fields, {"old": 7}) == b"\x07\x01\x02"


PROBE = """/* Reads an appended field. SPDX-License-Identifier: Apache-2.0 */
#include "wk_protocol.h"
int main(void) {
    const uint8_t bytes[] = {7, 1, 0, 99};
    wk_probe_request_t r;
    if (wk_get_probe(bytes, 0, &r)) return 1;
    if (!wk_get_probe(bytes, 1, &r) || r.old_one != 7 || r.new_one != 513) return 2;
    if (!wk_get_probe(bytes, 2, &r) || r.new_one != 513) return 3;
    if (!wk_get_probe(bytes, 4, &r) || r.new_one != 1) return 4;
    return 0;
}
"""


def test_the_header_reads_appended_fields_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    fields = (Field("old_one", "u8", ""), Field("new_one", "u16", "", default=513))
    monkeypatch.setattr(schema, "REQUESTS", (*schema.REQUESTS, Message("probe", 0x3F, "", fields)))
    (tmp_path / "wk_protocol.h").write_text(render_header())
    (tmp_path / "probe.c").write_text(PROBE)
    program = harness.compile_c(tmp_path / "probe", [tmp_path / "probe.c"], [tmp_path], harness.SANITIZE)
    assert subprocess.run([program], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("cc", ["gcc", "clang", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("config", [harness.Config(), harness.Config(frame=1024, ring=8192, store=40000)])
def test_the_firmware_compiles_without_a_warning(cc: str, config: harness.Config, tmp_path: Path) -> None:
    if shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    harness.write_config(tmp_path, config)
    core = ["-mcpu=cortex-m0", "-mthumb"] if cc.startswith("arm") else []
    includes = [f"-I{path}" for path in (tmp_path, harness.HERE, harness.FIRMWARE / "include")]
    sources = [*harness.app_sources(), harness.FIRMWARE / "src/app/main.c"]
    command = [cc, *harness.FLAGS, *core, *includes, "-fsyntax-only", *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_documentation_has_the_tables_of_the_schema(root: Path) -> None:
    text = (root / "docs/protocol.md").read_text()
    tables = text.partition("<!-- generated from the schema -->\n")[2]
    assert tables == render_tables(), (
        "docs/protocol.md is old: python -m wagekit.link docs/protocol.md writes it anew"
    )
