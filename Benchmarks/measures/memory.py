"""What a path holds in memory: resident pages of its programs, and its tables in the kernel."""

from paths import Path

MIB = 1 << 20


class Memory:
    name = "memory"

    def fits(self, path: Path) -> bool:
        return bool(path.processes())

    def take(self, path: Path, seconds: int) -> dict[str, float]:
        return {"programs_mib": path.program_bytes() / MIB, "tables_mib": path.table_bytes() / MIB}
