/// What Swift cannot see of OpenSSL: macros, variadic functions and typed stacks, each behind a function that adds
/// nothing to it. Everything else is called directly.
#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdint.h>

// Memory

void *ps_memory_allocate(size_t count);
void ps_memory_free(void *memory);
/// Overwrites `count` bytes, then frees.
void ps_memory_clear_free(void *memory, size_t count);
/// For blocks that OpenSSL itself took from its secure heap; overwrites, then frees.
void ps_memory_secure_clear_free(void *memory, size_t count);

// Errors

/// The library and the reason in a packed error code.
int ps_error_library(unsigned long code);
int ps_error_reason(unsigned long code);

// Memory BIOs

/// An empty memory BIO; reading it dry means "try again", not end of file.
BIO *ps_bio_memory(void);
/// The same on memory that is overwritten when freed.
BIO *ps_bio_secret_memory(void);
/// The unread bytes, still owned by the BIO.
long ps_bio_contents(BIO *bio, const uint8_t **contents);

// Keys

EVP_PKEY *ps_key_generate_ec(const char *curve);
EVP_PKEY *ps_key_generate_rsa(size_t bits);
EVP_PKEY *ps_key_generate_ed25519(void);
/// Decodes exactly `count` bytes of DER PKCS#8 PrivateKeyInfo; NULL also for bytes left over.
EVP_PKEY *ps_key_from_pkcs8(const uint8_t *der, size_t count);
/// Writes a key as a PEM block of PKCS #8, encrypted by PBES2 (RFC 8018) with AES-256-CBC; returns 1 on success. The passphrase is to be as
/// random as a key is: few rounds stand between them.
int ps_key_write_sealed(BIO *bio, EVP_PKEY *key, const void *passphrase, size_t count);
/// The other way round, from the block's contents and no byte more.
EVP_PKEY *ps_key_from_sealed(const uint8_t *der, size_t count, const void *passphrase, size_t passphrase_count);
/// A public RSA key from big-endian numbers.
EVP_PKEY *ps_key_from_rsa(const uint8_t *modulus, int modulus_count, const uint8_t *exponent, int exponent_count);

// PEM

/// Reads one PEM block; `name`, `header` and `data` are to be freed with the two functions below. Returns 1 on success.
int ps_pem_read(BIO *bio, int secret, char **name, char **header, uint8_t **data, long *count);
void ps_pem_free(int secret, void *memory, size_t count);

// Certificates

/// Seconds since 1970 of an ASN.1 time; returns 1 on success.
int ps_x509_unix_time(const ASN1_TIME *time, int64_t *seconds);
/// Copies the two parts of one DER SubjectPublicKeyInfo, algorithm and bits, without decoding the key in them, which the
/// library's own function does twice; returns 1 on success.
int ps_x509_write_key_info(X509_PUBKEY *target, const uint8_t *der, size_t count);
/// Writes the name as RFC 4514 text; returns 1 on success.
int ps_x509_print_name(BIO *bio, const X509_NAME *name);
/// Says in both places of RFC 5280 section 4.1 how a certificate is going to be signed; `parameters` is V_ASN1_UNDEF or
/// V_ASN1_NULL. Returns 1 on success.
int ps_x509_set_signature_algorithm(X509 *certificate, int nid, int parameters);
/// Puts in a signature that was made elsewhere; returns 1 on success.
int ps_x509_set_signature(X509 *certificate, const uint8_t *signature, int count);
int ps_x509_stack_count(const STACK_OF(X509) * stack);
X509 *ps_x509_stack_value(const STACK_OF(X509) * stack, int index);
STACK_OF(X509) * ps_x509_stack_new(void);
/// Takes a reference of its own; returns 1 on success.
int ps_x509_stack_push(STACK_OF(X509) * stack, X509 *certificate);
/// Frees the stack and its references.
void ps_x509_stack_free(STACK_OF(X509) * stack);

// TLS

int ps_tls_only_1_3(SSL_CTX *context);
int ps_tls_set_groups(SSL_CTX *context, const char *groups);
/// No tickets, no session cache, no early data, no renegotiation, no compression; the peer's Certificate message may have
/// at most `largest_peer_chain` bytes. Returns 1 on success.
int ps_tls_harden(SSL_CTX *context, long largest_peer_chain);
/// Says which DNS name's certificate a client wants.
void ps_tls_set_server_name(SSL *ssl, const char *name);
/// The name of the key exchange group; NULL before it is agreed.
const char *ps_tls_group(SSL *ssl);

/// ALPN protocols in wire form: each behind its length.
typedef struct {
	const uint8_t *wire;
	unsigned int count;
} ps_tls_alpn;

/// Lets a server choose the first of its protocols that the client offers, and refuse a client that offers others only.
/// `protocols` must outlive the context.
void ps_tls_accept_alpn(SSL_CTX *context, const ps_tls_alpn *protocols);
