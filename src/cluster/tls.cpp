// cluster/tls.cpp — see tls.hpp. OpenSSL works on memory here; the loop moves the bytes.
#include "cluster/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "cluster/proof.hpp"
#include "io/event.hpp"

namespace flurm::cluster {
namespace {

constexpr std::string_view kIdentity = "flurm link";
/// TLS_AES_128_GCM_SHA256 (RFC 8446 B.4): a key for TLS is bound to a hash, and every TLS 1.3 has this one.
constexpr std::array<unsigned char, 2> kCipher{0x13, 0x01};

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using SslPtr = std::unique_ptr<SSL, Freed<SSL, SSL_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION, SSL_SESSION_free>>;

/// What OpenSSL has to say about the last failure.
std::string why() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "TLS failed";
}

/// The key as TLS 1.3 wants it: in the form of an earlier session.
SessionPtr session_of(SSL* ssl, const std::string& key) {
  SessionPtr session(SSL_SESSION_new());
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, kCipher.data());
  if (!session || !cipher ||
      SSL_SESSION_set1_master_key(session.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size()) != 1 ||
      SSL_SESSION_set_cipher(session.get(), cipher) != 1 ||
      SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION) != 1)
    return nullptr;
  return session;
}

const std::string& key_of(SSL* ssl) { return *static_cast<const std::string*>(SSL_get_app_data(ssl)); }

int offer_key(SSL* ssl, const EVP_MD*, const unsigned char** id, std::size_t* id_size, SSL_SESSION** session) {
  *session = session_of(ssl, key_of(ssl)).release();
  *id = reinterpret_cast<const unsigned char*>(kIdentity.data());
  *id_size = kIdentity.size();
  return *session ? 1 : 0;
}

int find_key(SSL* ssl, const unsigned char* id, std::size_t id_size, SSL_SESSION** session) {
  const bool known = std::string_view(reinterpret_cast<const char*>(id), id_size) == kIdentity;
  *session = known ? session_of(ssl, key_of(ssl)).release() : nullptr;
  return 1;
}

SslPtr make_ssl(TlsSide side, const std::string& key) {
  const ContextPtr context(SSL_CTX_new(TLS_method()));
  FLURM_CHECK(context, "SSL_CTX_new");
  FLURM_CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) == 1, "TLS 1.3");
  // Without a certificate nothing but the key is left to be agreed on.
  FLURM_CHECK(SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") == 1, "its cipher");
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_psk_use_session_callback(context.get(), offer_key);
  SSL_CTX_set_psk_find_session_callback(context.get(), find_key);
  SslPtr ssl(SSL_new(context.get()));
  FLURM_CHECK(ssl, "SSL_new");
  SSL_set_app_data(ssl.get(), const_cast<std::string*>(&key));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (side == TlsSide::caller)
    SSL_set_connect_state(ssl.get());
  else
    SSL_set_accept_state(ssl.get());
  return ssl;
}

class TunnelImpl final : public TlsTunnel, public std::enable_shared_from_this<TunnelImpl> {
 public:
  TunnelImpl(io::Loop& loop, std::shared_ptr<io::Stream> wire, TlsSide side, const std::string& secret)
      : wire_(std::move(wire)), key_(proof(secret, "flurm link, tls")), ssl_(make_ssl(side, key_)), inward_ended_(loop) {}

  io::Task<Result<void>> shake_hands(std::string received, io::Deadline deadline);
  Result<void> make_pair(io::Loop& loop);

  std::shared_ptr<io::Stream> stream() const override { return outside_; }
  io::Task<> run() override;
  void close() override {
    wire_->close();
    inside_->close();
  }

 private:
  void take(std::string_view bytes) {
    FLURM_CHECK(BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size())) ==
                    static_cast<int>(bytes.size()),
                "memory for TLS");
  }
  /// What OpenSSL wants to send.
  std::string to_send() {
    BIO* bio = SSL_get_wbio(ssl_.get());
    std::string out(BIO_ctrl_pending(bio), '\0');
    if (!out.empty()) BIO_read(bio, out.data(), static_cast<int>(out.size()));
    return out;
  }
  static io::Task<> carry_in(std::shared_ptr<TunnelImpl> self);
  io::Task<> carry_out();

  std::shared_ptr<io::Stream> wire_;
  std::shared_ptr<io::Stream> inside_, outside_;  // the pair
  const std::string key_;
  SslPtr ssl_;
  io::Event inward_ended_;
};

io::Task<Result<void>> TunnelImpl::shake_hands(std::string received, io::Deadline deadline) {
  for (;;) {
    take(received);
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const bool failed = done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ;
    const std::string reason = failed ? why() : "";
    // Also when it failed: the other side hears why.
    auto sending = wire_->write_all(to_send(), deadline);
    Result<void> sent = co_await sending;
    if (failed) co_return fail(Errc::eperm, "no TLS with the members' secret: {}", reason);
    if (!sent || done == 1) co_return sent;
    received.clear();
    auto reading = wire_->read_append(received, deadline);
    const Result<std::size_t> got = co_await reading;
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Errc::eperm, "{}: refused TLS: another secret there?", wire_->peer());
  }
}

Result<void> TunnelImpl::make_pair(io::Loop& loop) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return fail(Errc::io, "socketpair: {}", std::strerror(errno));
  auto inside = io::adopt_socket(loop, ends[0]), outside = io::adopt_socket(loop, ends[1], wire_->peer());
  if (!inside) return fail(inside.error());
  if (!outside) return fail(outside.error());
  inside_ = std::make_shared<io::Stream>(std::move(*inside));
  outside_ = std::make_shared<io::Stream>(std::move(*outside));
  return {};
}

io::Task<> TunnelImpl::run() {
  const auto self = shared_from_this();
  outside_.reset();  // whoever took it says when it ends
  io::spawn(carry_in(self));
  auto carrying = carry_out();
  co_await carrying;
  close();
  auto waiting = inward_ended_.wait(io::Deadline::never());
  (void)co_await waiting;
}

io::Task<> TunnelImpl::carry_in(std::shared_ptr<TunnelImpl> self) {
  std::array<char, 16 * 1024> record;  // the largest that TLS has
  for (bool open = true; open;) {
    std::string plain;
    int n;
    ERR_clear_error();
    while ((n = SSL_read(self->ssl_.get(), record.data(), record.size())) > 0)
      plain.append(record.data(), static_cast<std::size_t>(n));
    open = SSL_get_error(self->ssl_.get(), n) == SSL_ERROR_WANT_READ;
    if (!plain.empty()) {
      auto giving = self->inside_->write_all(std::move(plain), io::Deadline::never());
      const Result<void> given = co_await giving;
      open = open && given;
    }
    if (!open) break;
    std::string bytes;
    auto reading = self->wire_->read_append(bytes, io::Deadline::never());
    const Result<std::size_t> got = co_await reading;
    if (!got || *got == 0) break;
    self->take(bytes);
  }
  self->close();
  self->inward_ended_.set({});
}

io::Task<> TunnelImpl::carry_out() {
  for (;;) {
    std::string plain;
    auto reading = inside_->read_append(plain, io::Deadline::never());
    const Result<std::size_t> got = co_await reading;
    if (!got) co_return;
    ERR_clear_error();
    // Memory takes all of it at once.
    if (*got == 0)
      SSL_shutdown(ssl_.get());
    else if (SSL_write(ssl_.get(), plain.data(), static_cast<int>(plain.size())) != static_cast<int>(plain.size()))
      co_return;
    auto sending = wire_->write_all(to_send(), io::Deadline::never());
    const Result<void> sent = co_await sending;
    if (!sent || *got == 0) co_return;
  }
}

}  // namespace

io::Task<Result<std::shared_ptr<TlsTunnel>>> TlsTunnel::open(io::Loop& loop, std::shared_ptr<io::Stream> wire,
                                                             TlsSide side, const std::string& secret,
                                                             std::string received, io::Deadline deadline) {
  const auto tunnel = std::make_shared<TunnelImpl>(loop, std::move(wire), side, secret);
  auto shaking = tunnel->shake_hands(std::move(received), deadline);
  if (const Result<void> shaken = co_await shaking; !shaken) co_return fail(shaken.error());
  if (const Result<void> made = tunnel->make_pair(loop); !made) co_return fail(made.error());
  co_return tunnel;
}

}  // namespace flurm::cluster
