#include "podshield_pkcs11.h"

#include <dlfcn.h>

CK_FUNCTION_LIST *ps_pkcs11_load(const char *path, const char **reason)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL) {
		*reason = dlerror();
		return NULL;
	}
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
	CK_FUNCTION_LIST *functions = NULL;
	if (get == NULL || get(&functions) != CKR_OK || functions == NULL) {
		*reason = "it is no PKCS #11 module";
		return NULL;
	}
	return functions;
}
