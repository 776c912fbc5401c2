#pragma once
/* Fields are ours alone: no CODE_FILE, CODE_LINE and CODE_FUNC of this header. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
