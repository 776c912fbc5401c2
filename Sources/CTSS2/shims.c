#include "podshield_tss2.h"

#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_mu.h>

#define PS_TPM_NO_ROOM TSS2_ESYS_RC_INSUFFICIENT_BUFFER
#define PS_TPM_BAD_INPUT TSS2_ESYS_RC_BAD_SIZE

/// For EK certificates of RSA with 2048 bits: EK credential profile, section 2.2.1.4.
#define PS_TPM_CERTIFICATE_INDEX 0x01c00002
/// Every TPM reads so many bytes at a time.
#define PS_TPM_NV_PIECE 512

static TSS2_RC write_out(ps_tpm_output *output, const uint8_t *bytes, size_t count)
{
	if (count > output->count)
		return PS_TPM_NO_ROOM;
	memcpy(output->bytes, bytes, count);
	output->count = count;
	return TSS2_RC_SUCCESS;
}

// ---- The connection ----

TSS2_RC ps_tpm_open(const char *configuration, ESYS_CONTEXT **context)
{
	TSS2_TCTI_CONTEXT *transport = NULL;
	TSS2_RC result = Tss2_TctiLdr_Initialize(configuration, &transport);

	if (result != TSS2_RC_SUCCESS)
		return result;
	result = Esys_Initialize(context, transport, NULL);
	if (result != TSS2_RC_SUCCESS)
		Tss2_TctiLdr_Finalize(&transport);
	return result;
}

void ps_tpm_close(ESYS_CONTEXT **context)
{
	TSS2_TCTI_CONTEXT *transport = NULL;

	Esys_GetTcti(*context, &transport);
	Esys_Finalize(context);
	Tss2_TctiLdr_Finalize(&transport);
}

// ---- Keys ----

static const TPM2B_PUBLIC endorsement_template = {
	.publicArea = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
				    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
		// PolicySecret(TPM_RH_ENDORSEMENT), as every EK template of SHA-256 has it.
		.authPolicy = {
			.size = 32,
			.buffer = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
				    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa },
		},
		.parameters.rsaDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
			.exponent = 0,
		},
		// Zeros, part of what the key is made from.
		.unique.rsa.size = 256,
	},
};

static const TPM2B_PUBLIC attestation_template = {
	.publicArea = {
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		// Not subject to the lockout: its authorization is empty, and there is nothing to guess.
		.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
				    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
				    TPMA_OBJECT_SIGN_ENCRYPT,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

static TSS2_RC create(ESYS_CONTEXT *context, const TPM2B_PUBLIC *template, ESYS_TR *key, TPM2B_PUBLIC **public_area)
{
	const TPM2B_SENSITIVE_CREATE nothing = { 0 };
	const TPM2B_DATA no_data = { 0 };
	const TPML_PCR_SELECTION no_registers = { 0 };

	return Esys_CreatePrimary(context, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				  &nothing, template, &no_data, &no_registers, key, public_area, NULL, NULL, NULL);
}

TSS2_RC ps_tpm_create_endorsement_key(ESYS_CONTEXT *context, ESYS_TR *key, ps_tpm_output *modulus)
{
	TPM2B_PUBLIC *made = NULL;

	TSS2_RC result = create(context, &endorsement_template, key, &made);
	if (result != TSS2_RC_SUCCESS)
		return result;
	const TPM2B_PUBLIC_KEY_RSA *unique = &made->publicArea.unique.rsa;
	result = write_out(modulus, unique->buffer, unique->size);
	Esys_Free(made);
	return result;
}

TSS2_RC ps_tpm_create_attestation_key(ESYS_CONTEXT *context, ESYS_TR *key, ps_tpm_output *public_area)
{
	TPM2B_PUBLIC *made = NULL;
	size_t count = 0;

	TSS2_RC result = create(context, &attestation_template, key, &made);
	if (result != TSS2_RC_SUCCESS)
		return result;
	result = Tss2_MU_TPMT_PUBLIC_Marshal(&made->publicArea, public_area->bytes, public_area->count, &count);
	if (result == TSS2_RC_SUCCESS)
		public_area->count = count;
	Esys_Free(made);
	return result;
}

// ---- The certificate ----

/// Reads an index whose handle is known and whose owner lets everybody read.
static TSS2_RC read_index(ESYS_CONTEXT *context, ESYS_TR index, ps_tpm_output *output)
{
	TPM2B_NV_PUBLIC *facts = NULL;

	TSS2_RC result = Esys_NV_ReadPublic(context, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &facts, NULL);
	if (result != TSS2_RC_SUCCESS)
		return result;
	size_t total = facts->nvPublic.dataSize;
	Esys_Free(facts);
	if (total > output->count)
		return PS_TPM_NO_ROOM;
	for (size_t offset = 0; offset < total;) {
		size_t count = total - offset < PS_TPM_NV_PIECE ? total - offset : PS_TPM_NV_PIECE;
		TPM2B_MAX_NV_BUFFER *piece = NULL;

		result = Esys_NV_Read(context, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				      (uint16_t)count, (uint16_t)offset, &piece);
		if (result != TSS2_RC_SUCCESS)
			return result;
		if (piece->size != count)
			result = PS_TPM_BAD_INPUT;
		else
			memcpy(output->bytes + offset, piece->buffer, count);
		Esys_Free(piece);
		if (result != TSS2_RC_SUCCESS)
			return result;
		offset += count;
	}
	output->count = total;
	return TSS2_RC_SUCCESS;
}

TSS2_RC ps_tpm_read_endorsement_certificate(ESYS_CONTEXT *context, ps_tpm_output *certificate)
{
	ESYS_TR index = ESYS_TR_NONE;

	TSS2_RC result = Esys_TR_FromTPMPublic(context, PS_TPM_CERTIFICATE_INDEX, ESYS_TR_NONE, ESYS_TR_NONE,
					       ESYS_TR_NONE, &index);
	// TPM_RC_HANDLE, of whichever handle and from whichever layer: there is no such index.
	if ((result & 0xffff & ~TPM2_RC_N_MASK) == TPM2_RC_HANDLE) {
		certificate->count = 0;
		return TSS2_RC_SUCCESS;
	}
	if (result != TSS2_RC_SUCCESS)
		return result;
	result = read_index(context, index, certificate);
	Esys_TR_Close(context, &index);
	return result;
}

// ---- Proofs ----

/// A session that has satisfied the endorsement key's policy.
static TSS2_RC endorse(ESYS_CONTEXT *context, ESYS_TR *session)
{
	const TPMT_SYM_DEF plain = { .algorithm = TPM2_ALG_NULL };

	TSS2_RC result = Esys_StartAuthSession(context, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					       ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &plain, TPM2_ALG_SHA256, session);
	if (result != TSS2_RC_SUCCESS)
		return result;
	// It stays after its use, so that there is one way to flush it.
	result = Esys_TRSess_SetAttributes(context, *session, TPMA_SESSION_CONTINUESESSION,
					   TPMA_SESSION_CONTINUESESSION);
	if (result == TSS2_RC_SUCCESS)
		result = Esys_PolicySecret(context, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					   ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	if (result != TSS2_RC_SUCCESS)
		Esys_FlushContext(context, *session);
	return result;
}

TSS2_RC ps_tpm_activate(ESYS_CONTEXT *context, ESYS_TR attestation_key, ESYS_TR endorsement_key,
			const uint8_t *credential, size_t credential_count, const uint8_t *secret, size_t secret_count,
			ps_tpm_output *found)
{
	TPM2B_ID_OBJECT object = { 0 };
	TPM2B_ENCRYPTED_SECRET seed = { 0 };
	TPM2B_DIGEST *opened = NULL;
	ESYS_TR session = ESYS_TR_NONE;
	size_t object_end = 0, seed_end = 0;

	TSS2_RC result = Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential, credential_count, &object_end, &object);
	if (result == TSS2_RC_SUCCESS)
		result = Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(secret, secret_count, &seed_end, &seed);
	if (result == TSS2_RC_SUCCESS && (object_end != credential_count || seed_end != secret_count))
		result = PS_TPM_BAD_INPUT;
	if (result == TSS2_RC_SUCCESS)
		result = endorse(context, &session);
	if (result != TSS2_RC_SUCCESS)
		return result;
	result = Esys_ActivateCredential(context, attestation_key, endorsement_key, ESYS_TR_PASSWORD, session,
					 ESYS_TR_NONE, &object, &seed, &opened);
	Esys_FlushContext(context, session);
	if (result != TSS2_RC_SUCCESS)
		return result;
	result = write_out(found, opened->buffer, opened->size);
	explicit_bzero(opened, sizeof(*opened));
	Esys_Free(opened);
	return result;
}

TSS2_RC ps_tpm_quote(ESYS_CONTEXT *context, ESYS_TR key, const uint8_t *nonce, size_t nonce_count, uint32_t registers,
		     ps_tpm_output *quote, ps_tpm_output *signature)
{
	const TPMT_SIG_SCHEME of_the_key = { .scheme = TPM2_ALG_NULL };
	TPM2B_DATA qualifying = { 0 };
	TPML_PCR_SELECTION selection = { .count = 1,
					 .pcrSelections = { { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 } } };
	TPM2B_ATTEST *said = NULL;
	TPMT_SIGNATURE *signed_by = NULL;
	size_t count = 0;

	if (nonce_count > sizeof(qualifying.buffer) || registers >> 24)
		return PS_TPM_BAD_INPUT;
	qualifying.size = (uint16_t)nonce_count;
	memcpy(qualifying.buffer, nonce, nonce_count);
	for (int byte = 0; byte < 3; byte++)
		selection.pcrSelections[0].pcrSelect[byte] = (uint8_t)(registers >> 8 * byte);
	TSS2_RC result = Esys_Quote(context, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying,
				    &of_the_key, &selection, &said, &signed_by);
	if (result != TSS2_RC_SUCCESS)
		return result;
	result = write_out(quote, said->attestationData, said->size);
	if (result == TSS2_RC_SUCCESS)
		result = Tss2_MU_TPMT_SIGNATURE_Marshal(signed_by, signature->bytes, signature->count, &count);
	if (result == TSS2_RC_SUCCESS)
		signature->count = count;
	Esys_Free(said);
	Esys_Free(signed_by);
	return result;
}
