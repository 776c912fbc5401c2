/// What a node that joins asks of its TPM, by the Enhanced System API of libtss2. Keys are made from the templates here, each
/// time the same ones; nothing is left in the TPM. Functions return TPM2_RC_SUCCESS or what the library or the TPM said.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

/// Bytes that a function writes: `count` is the room before, and what it has written after.
typedef struct {
	uint8_t *bytes;
	size_t count;
} ps_tpm_output;

/// A connection by a configuration of tss2-tctildr(7), such as `device:/dev/tpmrm0`.
TSS2_RC ps_tpm_open(const char *configuration, ESYS_CONTEXT **context);
void ps_tpm_close(ESYS_CONTEXT **context);

/// The endorsement key by template L-1 of the EK credential profile: RSA with 2048 bits and exponent 65537. Writes its modulus.
TSS2_RC ps_tpm_create_endorsement_key(ESYS_CONTEXT *context, ESYS_TR *key, ps_tpm_output *modulus);
/// A restricted key on P-256 that signs by ECDSA with SHA-256, of the endorsement hierarchy. Writes its TPMT_PUBLIC.
TSS2_RC ps_tpm_create_attestation_key(ESYS_CONTEXT *context, ESYS_TR *key, ps_tpm_output *public_area);
/// The certificate for the endorsement key, from the index that the profile has for it; nothing where there is none.
TSS2_RC ps_tpm_read_endorsement_certificate(ESYS_CONTEXT *context, ps_tpm_output *certificate);

/// TPM2_ActivateCredential of a TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET as they are on the wire.
TSS2_RC ps_tpm_activate(ESYS_CONTEXT *context, ESYS_TR attestation_key, ESYS_TR endorsement_key,
			const uint8_t *credential, size_t credential_count, const uint8_t *secret, size_t secret_count,
			ps_tpm_output *found);
/// TPM2_Quote of registers of the SHA-256 bank, bit 0 for register 0. Writes a TPMS_ATTEST and a TPMT_SIGNATURE.
TSS2_RC ps_tpm_quote(ESYS_CONTEXT *context, ESYS_TR key, const uint8_t *nonce, size_t nonce_count, uint32_t registers,
		     ps_tpm_output *quote, ps_tpm_output *signature);
