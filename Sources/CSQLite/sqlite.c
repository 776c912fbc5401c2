#include "podshield_sqlite.h"
