#pragma once
/* Debian's library has the session extension; its header declares it to those who ask. */
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>
