#include "podshield_linux.h"
