"""The tables of ``docs/models.md``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from converting.environment import REPOSITORY
from converting.update import Finding
from edgefuse.config.manifest import Manifest

PAGE = REPOSITORY / "docs/models.md"


def write(manifests: Sequence[Manifest], findings: Sequence[Finding]) -> None:
    """Replace the tables, each between its two marks."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("models", models(manifests)), ("variants", variants(manifests)), ("gates", gates(findings))):
        text = replace(text, name, table)
    PAGE.write_text(text, encoding="utf-8")


def replace(text: str, name: str, table: str) -> str:
    """Put a table between the marks of its name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, _, rest = text.partition(begin)
    return head + begin + table + end + rest.partition(end)[2]


def models(manifests: Sequence[Manifest]) -> str:
    """List models with their licences."""
    rows = (
        (
            m.id,
            m.task,
            m.decoder,
            m.licence.id,
            "yes" if m.licence.allows_commercial_use else "**no**",
            "yes" if m.is_optional else "",
        )
        for m in manifests
    )
    return _table(("model", "task", "decoder", "licence of the weights", "commercial use", "optional"), rows)


def variants(manifests: Sequence[Manifest]) -> str:
    """List variants with their files."""
    rows = (
        (
            m.id,
            v.id,
            " ".join("×".join(map(str, spec.shape)) for spec in v.inputs),
            f"{sum(file.size_bytes for file in v.files):,}",
            str(v.memory_mb),
            _origin(v.files[0].source.kind, v.files[0].source.address),
        )
        for m in manifests
        for v in m.variants
    )
    return _table(("model", "variant", "input", "bytes", "session, MB", "from"), rows)


def gates(findings: Iterable[Finding]) -> str:
    """List what conversions were measured at."""
    rows = (
        (
            f.model,
            f.variant,
            f.runtime,
            f.reference,
            _cell(f.measures.difference, ".1e"),
            _cell(f.measures.lost, ".1%"),
            _cell(f.measures.moved_pt, ".4f"),
        )
        for f in findings
    )
    head = ("model", "variant", "runtime", "against", "difference / range", "other faces", "landmarks moved, pt")
    return _table(head, rows)


def _origin(kind: str, address: str) -> str:
    return f"made from {address}" if kind == "converted_from" else f"{kind} `{address}`"


def _cell(measure: float | None, form: str) -> str:
    return "" if measure is None else format(measure, form)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
