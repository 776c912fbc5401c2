#include "podshield_systemd.h"
