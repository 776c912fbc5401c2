"""The ways for a byte to get from one pod to the other, all over the same topology."""

from .envoy import Envoy
from .path import Path
from .plain import Plain, PlainWithoutOffloads
from .podshield import Podshield
from .wireguard import WireGuardGo

ALL: tuple[type[Path], ...] = (Plain, PlainWithoutOffloads, Podshield, WireGuardGo, Envoy)
