#include "podshield_libbpf.h"
