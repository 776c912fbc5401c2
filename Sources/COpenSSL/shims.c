#include "podshield_openssl.h"
