// Certificates of a test's own, made on the spot: an authority, and what it signs.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

namespace rerankd {

struct PemPair {
  std::string certificate;
  std::string key;
};

class TestAuthority {
 public:
  struct Wish {
    std::string name = "localhost";  // common name
    std::string alternative = "DNS:localhost,IP:127.0.0.1";
    std::chrono::hours begins{-1};  // from now
    std::chrono::hours ends{24};
    int rsa_bits = 0;  // 0: a key on the curve P-256
  };

  explicit TestAuthority(const std::string& name = "test authority",
                         std::chrono::hours begins = std::chrono::hours(-1),
                         std::chrono::hours ends = std::chrono::hours(24))
      : key_(MakeKey(0)) {
    certificate_.reset(Make({.name = name, .alternative = "", .begins = begins, .ends = ends},
                            key_.get(), nullptr, key_.get()));
  }

  std::string certificate() const { return Pem(certificate_.get()); }

  // A certificate that this authority vouches for, with its key.
  PemPair Issue(const Wish& wish) const {
    const Key key = MakeKey(wish.rsa_bits);
    const Certificate certificate(Make(wish, key.get(), certificate_.get(), key_.get()));
    return {Pem(certificate.get()), Pem(key.get())};
  }

  // Of a key, with a password.
  static std::string Encrypted(const std::string& key_pem) {
    BIO* const in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
    const Key key(PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr));
    BIO_free(in);
    BIO* const out = BIO_new(BIO_s_mem());
    const unsigned char password[] = "password";
    PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_256_cbc(),
                                  reinterpret_cast<const char*>(password), 8, nullptr, nullptr);
    return Take(out);
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  static Key MakeKey(int rsa_bits) {
    Key key(rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(rsa_bits)) : EVP_EC_gen("P-256"));
    if (key == nullptr) std::abort();
    return key;
  }

  static X509* Make(const Wish& wish, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
    static long serial = 1;
    X509* const out = X509_new();
    X509_set_version(out, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(out), 3600L * wish.begins.count());
    X509_gmtime_adj(X509_getm_notAfter(out), 3600L * wish.ends.count());
    X509_NAME* const name = X509_get_subject_name(out);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(out, issuer == nullptr ? name : X509_get_subject_name(issuer));
    X509_set_pubkey(out, key);
    AddExtension(out, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wish.alternative.empty()) AddExtension(out, NID_subject_alt_name, wish.alternative);
    if (X509_sign(out, issuer_key, EVP_sha256()) == 0) std::abort();
    return out;
  }

  static void AddExtension(X509* certificate, int id, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
    if (extension == nullptr) std::abort();
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static std::string Take(BIO* out) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    std::string pem(text, static_cast<size_t>(size));
    BIO_free(out);
    return pem;
  }
  static std::string Pem(X509* certificate) {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    return Take(out);
  }
  static std::string Pem(EVP_PKEY* key) {
    BIO* const out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    return Take(out);
  }

  const Key key_;
  Certificate certificate_;
};

}  // namespace rerankd
