#include "security/tls_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

#include "util/file.h"
#include "util/printable.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::system_clock;

constexpr size_t kMaxFileBytes = size_t{1} << 20;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;

// Of a setting, for messages: its name and the file that it names.
struct Place {
  const char* setting;
  const std::filesystem::path& file;
};

absl::Status Wrong(const Place& place, std::string_view what) {
  return absl::FailedPreconditionError(
      fmt::format("{} {}: {}", place.setting, place.file.string(), what));
}

// What OpenSSL says was wrong last, and forgets what it has said.
std::string LastReason() {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  std::string text = reason == nullptr ? "no reason given" : reason;
  ERR_clear_error();
  return text;
}

absl::StatusOr<std::string> Read(const Place& place) {
  absl::StatusOr<std::string> text = ReadFile(place.file, kMaxFileBytes);
  if (text.ok()) return text;
  return absl::FailedPreconditionError(
      fmt::format("{} {}", place.setting, std::string(text.status().message())));
}

Bio Open(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// All certificates of a PEM file; an error when there is none or one is broken.
absl::StatusOr<std::vector<Certificate>> ParseCertificates(const Place& place,
                                                           const std::string& text) {
  ERR_clear_error();
  const Bio in = Open(text);
  std::vector<Certificate> certificates;
  while (X509* const one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) return Wrong(place, fmt::format("not a certificate in PEM ({})", LastReason()));
  ERR_clear_error();
  if (certificates.empty()) {
    return Wrong(place, "holds no certificate; it must hold \"-----BEGIN CERTIFICATE-----\"");
  }
  return certificates;
}

// A file that asks for a password is an error, and nobody is asked.
int NoPassword(char*, int, int, void*) { return -1; }

absl::StatusOr<Key> ParseKey(const Place& place, const std::string& text) {
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(Open(text).get(), nullptr, NoPassword, nullptr));
  if (key != nullptr) return key;
  if (text.find("ENCRYPTED") != std::string::npos) {
    ERR_clear_error();
    return Wrong(place, "the key is encrypted; it must be stored without a password");
  }
  return Wrong(place, fmt::format("holds no private key in PEM ({})", LastReason()));
}

absl::StatusOr<system_clock::time_point> TimeOf(const Place& place, const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Wrong(place, "has a date that is none");
  // Certificates may end in 9999, where the clock's nanoseconds have long run out.
  return system_clock::from_time_t(
      std::clamp(timegm(&parts), system_clock::to_time_t(system_clock::time_point::min()),
                 system_clock::to_time_t(system_clock::time_point::max())));
}

// OK when `now` is within the certificate's time.
absl::Status CheckTime(const Place& place, const X509* certificate, system_clock::time_point now) {
  RERANKD_ASSIGN_OR_RETURN(const auto begin, TimeOf(place, X509_get0_notBefore(certificate)));
  RERANKD_ASSIGN_OR_RETURN(const auto end, TimeOf(place, X509_get0_notAfter(certificate)));
  if (now < begin) return Wrong(place, "not valid before " + ShownTime(begin));
  if (now > end) return Wrong(place, "expired on " + ShownTime(end));
  return absl::OkStatus();
}

std::string SubjectOf(const X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return Printable(std::string_view(text, static_cast<size_t>(size)));
}

// OpenSSL has demands of its own, on the length of keys for example; gRPC would only log them.
// Nor would it show a chain of which one certificate is too weak, and so turn every client away.
// REQUIRES: `chain` is not empty; the one that the key belongs to comes first.
absl::Status CheckUsable(const Place& certificate_place, const std::vector<Certificate>& chain,
                         const Place& key_place, EVP_PKEY* key) {
  const Context context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return absl::InternalError("OpenSSL has no TLS: " + LastReason());
  if (SSL_CTX_use_certificate(context.get(), chain.front().get()) != 1) {
    return Wrong(certificate_place, "cannot be used: " + LastReason());
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1) continue;
    const std::string reason = LastReason();
    return Wrong(certificate_place, fmt::format("its certificate number {} ({}) cannot be used: {}",
                                                i + 1, SubjectOf(chain[i].get()), reason));
  }
  if (SSL_CTX_use_PrivateKey(context.get(), key) != 1) {
    return Wrong(key_place, "cannot be used: " + LastReason());
  }
  return absl::OkStatus();
}

// OpenSSL believes nobody whom an authority with a short key vouches for, and gRPC would only say
// so for each of them.
absl::Status CheckStrength(const Place& place, const X509* authority) {
  const Context context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return absl::InternalError("OpenSSL has no TLS: " + LastReason());
  constexpr std::array kBitsOfLevels = {0, 80, 112, 128, 192, 256};
  const int level = std::clamp(SSL_CTX_get_security_level(context.get()), 0,
                               static_cast<int>(kBitsOfLevels.size()) - 1);
  const int wanted = kBitsOfLevels[static_cast<size_t>(level)];
  EVP_PKEY* const key = X509_get0_pubkey(authority);
  if (key != nullptr && EVP_PKEY_get_security_bits(key) >= wanted) return absl::OkStatus();
  ERR_clear_error();
  return Wrong(place, fmt::format("the key of {} is too short for OpenSSL, which asks for {} bits "
                                  "of security",
                                  SubjectOf(authority), wanted));
}

absl::Status CheckAuthorities(const Place& place, const std::string& text,
                              system_clock::time_point now) {
  RERANKD_ASSIGN_OR_RETURN(const std::vector<Certificate> authorities,
                           ParseCertificates(place, text));
  absl::Status first;
  for (const Certificate& one : authorities) {
    absl::Status valid = CheckTime(place, one.get(), now);
    if (valid.ok()) valid = CheckStrength(place, one.get());
    if (valid.ok()) return valid;
    if (first.ok()) first = valid;
  }
  return first;
}

// The certificate and its key, into `out`.
absl::Status LoadPair(const Place& certificate_place, const Place& key_place,
                      system_clock::time_point now, TlsMaterial& out) {
  RERANKD_ASSIGN_OR_RETURN(out.certificates, Read(certificate_place));
  RERANKD_ASSIGN_OR_RETURN(out.key, Read(key_place));
  RERANKD_ASSIGN_OR_RETURN(const std::vector<Certificate> chain,
                           ParseCertificates(certificate_place, out.certificates));
  X509* const leaf = chain.front().get();
  RERANKD_RETURN_IF_ERROR(CheckTime(certificate_place, leaf, now));
  RERANKD_ASSIGN_OR_RETURN(const Key key, ParseKey(key_place, out.key));
  if (X509_check_private_key(leaf, key.get()) != 1) {
    ERR_clear_error();
    return Wrong(key_place, fmt::format("is not the key of the certificate in {}",
                                        certificate_place.file.string()));
  }
  RERANKD_RETURN_IF_ERROR(CheckUsable(certificate_place, chain, key_place, key.get()));
  RERANKD_ASSIGN_OR_RETURN(out.expires, TimeOf(certificate_place, X509_get0_notAfter(leaf)));
  out.subject = SubjectOf(leaf);
  return absl::OkStatus();
}

}  // namespace

std::string ShownTime(system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(system_clock::to_time_t(time)));
}

absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files, system_clock::time_point now,
                                         const TlsFileNames& names) {
  const Place ca_place{names.ca, files.client_ca};
  TlsMaterial out;
  if (files.enabled()) {
    RERANKD_RETURN_IF_ERROR(
        LoadPair({names.certificate, files.certificate}, {names.key, files.key}, now, out));
  }
  if (!files.client_ca.empty()) {
    RERANKD_ASSIGN_OR_RETURN(out.client_ca, Read(ca_place));
    RERANKD_RETURN_IF_ERROR(CheckAuthorities(ca_place, out.client_ca, now));
  }
  return out;
}

bool ExpiresSoon(const TlsMaterial& material, system_clock::time_point now) {
  constexpr std::chrono::hours kTwoWeeks{14 * 24};
  return material.expires < now + kTwoWeeks;
}

absl::StatusOr<std::unique_ptr<TlsSource>> WatchTlsFiles(const TlsFiles& files,
                                                         ReloadListener listener, TimePoint now) {
  std::vector<std::filesystem::path> watched = {files.certificate, files.key};
  if (!files.client_ca.empty()) watched.push_back(files.client_ca);
  return TlsSource::Open(
      std::move(watched), [files](TimePoint) { return LoadTlsFiles(files, system_clock::now()); },
      std::move(listener), now);
}

}  // namespace rerankd
