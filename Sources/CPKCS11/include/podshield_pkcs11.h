/// PKCS #11 2.40 for Swift, and how a module is loaded.
#pragma once

#include <p11-kit-1/p11-kit/pkcs11.h>

/// The functions of the module at `path`, an absolute path; NULL and a reason, valid until this thread's next call, when
/// there are none. A module is never unloaded: many do not survive it.
CK_FUNCTION_LIST *ps_pkcs11_load(const char *path, const char **reason);
