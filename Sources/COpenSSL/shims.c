#include "podshield_openssl.h"

#include <limits.h>
#include <string.h>
#include <time.h>

// The library

/* exit(3) takes away what other threads still hash, sign and lock with: they would crash, or find algorithms missing. */
__attribute__((constructor)) static void keep_to_the_end(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

// Memory

void *ps_memory_allocate(size_t count)
{
	return OPENSSL_malloc(count);
}
void ps_memory_free(void *memory)
{
	OPENSSL_free(memory);
}
void ps_memory_clear_free(void *memory, size_t count)
{
	OPENSSL_clear_free(memory, count);
}
void ps_memory_secure_clear_free(void *memory, size_t count)
{
	OPENSSL_secure_clear_free(memory, count);
}

// Errors

int ps_error_library(unsigned long code)
{
	return ERR_GET_LIB(code);
}
int ps_error_reason(unsigned long code)
{
	return ERR_GET_REASON(code);
}

// Memory BIOs

static BIO *retrying(BIO *bio)
{
	if (bio != NULL)
		BIO_set_mem_eof_return(bio, -1);
	return bio;
}

BIO *ps_bio_memory(void)
{
	return retrying(BIO_new(BIO_s_mem()));
}
BIO *ps_bio_secret_memory(void)
{
	return retrying(BIO_new(BIO_s_secmem()));
}
long ps_bio_contents(BIO *bio, const uint8_t **contents)
{
	return BIO_get_mem_data(bio, contents);
}

// Keys

EVP_PKEY *ps_key_generate_ec(const char *curve)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}
EVP_PKEY *ps_key_generate_rsa(size_t bits)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
}
EVP_PKEY *ps_key_generate_ed25519(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

EVP_PKEY *ps_key_from_pkcs8(const uint8_t *der, size_t count)
{
	const uint8_t *cursor = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &cursor, (long)count);
	EVP_PKEY *key = NULL;
	if (info != NULL && cursor == der + count)
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

enum {
	SEALING_ROUNDS = 1000,
	SEALING_SALT = 16
};

int ps_key_write_sealed(BIO *bio, EVP_PKEY *key, const void *passphrase, size_t count)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	X509_ALGOR *algorithm =
		PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), SEALING_ROUNDS, NULL, SEALING_SALT, NULL, NID_hmacWithSHA256);
	X509_SIG *sealed = NULL;
	int result = 0;
	// It takes the algorithm over, if it makes something of it.
	if (info != NULL && algorithm != NULL && count <= INT_MAX)
		sealed = PKCS8_set0_pbe(passphrase, (int)count, info, algorithm);
	if (sealed == NULL)
		X509_ALGOR_free(algorithm);
	else
		result = PEM_write_bio_PKCS8(bio, sealed);
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	return result;
}

EVP_PKEY *ps_key_from_sealed(const uint8_t *der, size_t count, const void *passphrase, size_t passphrase_count)
{
	const uint8_t *cursor = der;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &cursor, (long)count);
	PKCS8_PRIV_KEY_INFO *info = NULL;
	EVP_PKEY *key = NULL;
	if (sealed != NULL && cursor == der + count && passphrase_count <= INT_MAX)
		info = PKCS8_decrypt(sealed, passphrase, (int)passphrase_count);
	if (info != NULL)
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	X509_SIG_free(sealed);
	return key;
}

static EVP_PKEY *key_from_parameters(const char *algorithm, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *key = NULL;
	if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) > 0 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	return key;
}

EVP_PKEY *ps_key_from_rsa(const uint8_t *modulus, int modulus_count, const uint8_t *exponent, int exponent_count)
{
	BIGNUM *n = BN_bin2bn(modulus, modulus_count, NULL);
	BIGNUM *e = BN_bin2bn(exponent, exponent_count, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	if (n != NULL && e != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		key = key_from_parameters("RSA", builder);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return key;
}

// PEM

static unsigned int pem_flags(int secret)
{
	return secret ? PEM_FLAG_SECURE : 0;
}

int ps_pem_read(BIO *bio, int secret, char **name, char **header, uint8_t **data, long *count)
{
	return PEM_read_bio_ex(bio, name, header, data, count, pem_flags(secret));
}

void ps_pem_free(int secret, void *memory, size_t count)
{
	if (secret)
		OPENSSL_secure_clear_free(memory, count);
	else
		OPENSSL_free(memory);
}

// Certificates

int ps_x509_unix_time(const ASN1_TIME *time, int64_t *seconds)
{
	struct tm fields;
	if (!ASN1_TIME_to_tm(time, &fields))
		return 0;
	*seconds = timegm(&fields);
	return 1;
}

static int write_key_bits(X509_PUBKEY *target, const ASN1_BIT_STRING *bits)
{
	int count = ASN1_STRING_length(bits);
	uint8_t *copy = OPENSSL_memdup(ASN1_STRING_get0_data(bits), (size_t)count);

	if (copy == NULL)
		return 0;
	// The algorithm is put in place afterwards.
	if (!X509_PUBKEY_set0_param(target, OBJ_nid2obj(NID_undef), V_ASN1_UNDEF, NULL, copy, count)) {
		OPENSSL_free(copy);
		return 0;
	}
	return 1;
}

int ps_x509_write_key_info(X509_PUBKEY *target, const uint8_t *der, size_t count)
{
	const uint8_t *cursor = der, *end = der + count;
	X509_ALGOR *algorithm = NULL, *written = NULL;
	ASN1_BIT_STRING *bits = NULL;
	long length;
	int tag, class, done = 0;

	if (ASN1_get_object(&cursor, &length, &tag, &class, (long)count) != V_ASN1_CONSTRUCTED ||
	    tag != V_ASN1_SEQUENCE || length != end - cursor)
		return 0;
	algorithm = d2i_X509_ALGOR(NULL, &cursor, end - cursor);
	bits = algorithm == NULL ? NULL : d2i_ASN1_BIT_STRING(NULL, &cursor, end - cursor);
	if (bits != NULL && cursor == end && write_key_bits(target, bits))
		done = X509_PUBKEY_get0_param(NULL, NULL, NULL, &written, target) &&
		       X509_ALGOR_copy(written, algorithm);
	X509_ALGOR_free(algorithm);
	ASN1_BIT_STRING_free(bits);
	return done;
}

int ps_x509_print_name(BIO *bio, const X509_NAME *name)
{
	return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0;
}

// OpenSSL shows these fields as const and has no setters: it writes them only when it signs by itself.

int ps_x509_set_signature_algorithm(X509 *certificate, int nid, int parameters)
{
	const X509_ALGOR *outer;
	X509_get0_signature(NULL, &outer, certificate);
	X509_ALGOR *inner = (X509_ALGOR *)X509_get0_tbs_sigalg(certificate);
	return X509_ALGOR_set0(inner, OBJ_nid2obj(nid), parameters, NULL) &&
	       X509_ALGOR_set0((X509_ALGOR *)outer, OBJ_nid2obj(nid), parameters, NULL);
}

int ps_x509_set_signature(X509 *certificate, const uint8_t *signature, int count)
{
	const ASN1_BIT_STRING *field;
	X509_get0_signature(&field, NULL, certificate);
	ASN1_BIT_STRING *bits = (ASN1_BIT_STRING *)field;
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	// All bits of the last byte count.
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	return ASN1_BIT_STRING_set(bits, (uint8_t *)signature, count);
}

int ps_x509_stack_count(const STACK_OF(X509) * stack)
{
	return stack == NULL ? 0 : sk_X509_num(stack);
}
X509 *ps_x509_stack_value(const STACK_OF(X509) * stack, int index)
{
	return sk_X509_value(stack, index);
}
STACK_OF(X509) * ps_x509_stack_new(void)
{
	return sk_X509_new_null();
}

int ps_x509_stack_push(STACK_OF(X509) * stack, X509 *certificate)
{
	return X509_add_cert(stack, certificate, X509_ADD_FLAG_UP_REF);
}

void ps_x509_stack_free(STACK_OF(X509) * stack)
{
	sk_X509_pop_free(stack, X509_free);
}

// TLS

int ps_tls_only_1_3(SSL_CTX *context)
{
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
}

int ps_tls_set_groups(SSL_CTX *context, const char *groups)
{
	return (int)SSL_CTX_set1_groups_list(context, groups);
}

int ps_tls_harden(SSL_CTX *context, long largest_peer_chain)
{
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_max_cert_list(context, largest_peer_chain);
	return SSL_CTX_set_num_tickets(context, 0) && SSL_CTX_set_max_early_data(context, 0) &&
	       SSL_CTX_set_recv_max_early_data(context, 0);
}

void ps_tls_set_server_name(SSL *ssl, const char *name)
{
	SSL_set_tlsext_host_name(ssl, name);
}

const char *ps_tls_group(SSL *ssl)
{
	int group = (int)SSL_get_negotiated_group(ssl);
	return group == 0 ? NULL : SSL_group_to_name(ssl, group);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *count, const unsigned char *offered,
		       unsigned int offered_count, void *argument)
{
	(void)ssl;
	const ps_tls_alpn *ours = argument;
	unsigned char *chosen = NULL;
	if (SSL_select_next_proto(&chosen, count, ours->wire, ours->count, offered, offered_count) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

void ps_tls_accept_alpn(SSL_CTX *context, const ps_tls_alpn *protocols)
{
	SSL_CTX_set_alpn_select_cb(context, choose_alpn, (void *)protocols);
}
