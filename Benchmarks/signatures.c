// SPDX-License-Identifier: Apache-2.0
/*
 * What the OpenSSL library alone needs, on one CPU, for what an authority issues. Prints rates, one a line: the way,
 * what is made, and how many a second.
 *
 * usage: signatures SECONDS
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* As long as what is signed of a JWT-SVID with one audience. */
#define TOKEN_BYTES 300
#define LIFETIME_SECONDS 3600

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define REQUIRE(call)                         \
	do {                                  \
		if (!(call))                  \
			errx(1, "%s", #call); \
	} while (0)

static EVP_PKEY *authority;

/* Extensions of the kinds and sizes that an SVID has; what is in them makes no difference to OpenSSL here. */
static void add_extensions(X509 *certificate)
{
	static const struct {
		int nid, critical, bytes;
	} extensions[] = {
		{ NID_basic_constraints, 1, 2 },
		{ NID_key_usage, 1, 4 },
		{ NID_ext_key_usage, 0, 22 },
		{ NID_subject_key_identifier, 0, 22 },
		{ NID_authority_key_identifier, 0, 24 },
		{ NID_subject_alt_name, 1, 40 },
	};
	uint8_t content[64] = { 0 };

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *extension;

		REQUIRE(value && ASN1_OCTET_STRING_set(value, content, extensions[i].bytes));
		extension = X509_EXTENSION_create_by_NID(NULL, extensions[i].nid, extensions[i].critical, value);
		REQUIRE(extension && X509_add_ext(certificate, extension, -1));
		X509_EXTENSION_free(extension);
		ASN1_OCTET_STRING_free(value);
	}
}

static X509 *certificate_for(EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	REQUIRE(certificate && X509_set_version(certificate, X509_VERSION_3));
	REQUIRE(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), UINT64_MAX));
	REQUIRE(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	REQUIRE(X509_gmtime_adj(X509_getm_notAfter(certificate), LIFETIME_SECONDS));
	REQUIRE(X509_set_pubkey(certificate, key));
	add_extensions(certificate);
	return certificate;
}

static void sign_and_encode(X509 *certificate)
{
	uint8_t *der = NULL;

	REQUIRE(X509_sign(certificate, authority, EVP_sha256()) > 0);
	REQUIRE(i2d_X509(certificate, &der) > 0);
	OPENSSL_free(der);
}

/* A certificate of prepared parts: signature and encoding, nothing else. */
static void prepared_certificate(void)
{
	static X509 *certificate;

	if (!certificate)
		certificate = certificate_for(authority);
	sign_and_encode(certificate);
}

static int make_request(uint8_t **der)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *request = X509_REQ_new();

	REQUIRE(key && request && X509_REQ_set_pubkey(request, key));
	REQUIRE(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	return i2d_X509_REQ(request, der);
}

/* From the request's bytes, whose signature is checked, to the certificate's. */
static void certificate_of_request(void)
{
	static uint8_t *der;
	static int bytes;
	const uint8_t *cursor;
	X509_REQ *request;
	X509 *certificate;

	if (!der)
		REQUIRE((bytes = make_request(&der)) > 0);
	cursor = der;
	request = d2i_X509_REQ(NULL, &cursor, bytes);
	REQUIRE(request && X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
	certificate = certificate_for(X509_REQ_get0_pubkey(request));
	sign_and_encode(certificate);
	X509_free(certificate);
	X509_REQ_free(request);
}

static void token(void)
{
	uint8_t text[TOKEN_BYTES] = { 0 }, signature[128];
	size_t count = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	REQUIRE(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, authority) == 1);
	REQUIRE(EVP_DigestSign(context, signature, &count, text, sizeof(text)) == 1);
	EVP_MD_CTX_free(context);
}

static void print_rate(const char *way, const char *made, double seconds, void (*turn)(void))
{
	double start;
	long turns = 0;

	turn();
	for (start = now(); now() < start + seconds; turns++)
		turn();
	printf("%s %s %.1f\n", way, made, (double)turns / (now() - start));
}

int main(int argc, char **argv)
{
	double seconds = argc == 2 ? atof(argv[1]) : 0;

	if (seconds < 1 || seconds > 60)
		errx(64, "usage: signatures SECONDS (1 to 60, for each rate)");
	authority = EVP_EC_gen("P-256");
	REQUIRE(authority);
	print_rate("openssl-signature", "svids_signed_per_s", seconds, prepared_certificate);
	print_rate("openssl-issuance", "svids_signed_per_s", seconds, certificate_of_request);
	print_rate("openssl-signature", "jwt_svids_signed_per_s", seconds, token);
	return 0;
}
