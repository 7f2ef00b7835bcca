// cluster/handshake.cpp — see handshake.hpp.
#include "cluster/handshake.hpp"

#include <algorithm>

#include "cluster/bytes.hpp"
#include "cluster/proof.hpp"
#include "io/random.hpp"

namespace flurm::cluster {
namespace {

constexpr std::string_view kMagic = "FLCL";
constexpr std::size_t kNonceBytes = 32;
// hello: magic, u16 protocol, u8 purpose, u8 zero, u64 from, u64 to, digest of the cluster's name, nonce
constexpr std::size_t kHelloPurpose = 6, kHelloFrom = 8, kHelloTo = 16, kHelloCluster = 24;
constexpr std::size_t kHelloBytes = kHelloCluster + kDigestBytes + kNonceBytes;
// challenge: magic, u16 protocol, u16 zero, nonce
constexpr std::size_t kChallengeBytes = 8 + kNonceBytes;
// What makes the two proofs of a connection different.
constexpr std::string_view kCaller = "flurm link, caller: ", kCalled = "flurm link, called: ";

std::string begin_message() {
  std::string out(kMagic);
  put<std::uint16_t>(out, kProtocol);
  return out;
}

std::string make_proof(const Party& party, std::string_view side, const std::string& hello,
                       const std::string& challenge) {
  return proof(party.secret, std::string(side) + hello + challenge);
}

Result<void> check_beginning(std::string_view message) {
  if (!message.starts_with(kMagic)) return fail(Errc::eperm, "not a controller");
  if (const auto protocol = get<std::uint16_t>(message, kMagic.size()); protocol != kProtocol)
    return fail(Errc::protocol_version, "speaks protocol {} of the controller link, not {}", protocol, kProtocol);
  return {};
}

Result<Caller> check_hello(const Party& party, std::string_view hello) {
  FLURM_TRY_VOID(check_beginning(hello));
  const auto from = get<std::uint64_t>(hello, kHelloFrom), to = get<std::uint64_t>(hello, kHelloTo);
  const auto purpose = static_cast<Purpose>(get<std::uint8_t>(hello, kHelloPurpose));
  if (hello.substr(kHelloCluster, kDigestBytes) != party.cluster) return fail(Errc::eperm, "of another cluster");
  if (to != party.self) return fail(Errc::eperm, "looks for member {}, this is {}", to, party.self);
  if (purpose != Purpose::log && purpose != Purpose::calls)
    return fail(Errc::eperm, "unknown purpose {}", static_cast<unsigned>(purpose));
  const bool is_member = std::ranges::find(party.others, from) != party.others.end();
  if (from == party.self || (purpose == Purpose::log && !is_member))
    return fail(Errc::eperm, "member {} is not in this cluster's list", from);
  return Caller{from, purpose};
}

}  // namespace

Party make_party(std::uint64_t self, std::vector<std::uint64_t> others, const std::string& cluster_name,
                 std::string secret) {
  return {self, std::move(others), digest(cluster_name), std::move(secret)};
}

io::Task<Result<void>> greet(std::shared_ptr<io::Stream> stream, std::shared_ptr<const Party> party, std::uint64_t to,
                             Purpose purpose, io::Deadline deadline) {
  std::string hello = begin_message();
  put(hello, static_cast<std::uint8_t>(purpose));
  put<std::uint8_t>(hello, 0);
  put(hello, party->self);
  put(hello, to);
  hello += party->cluster;
  hello += io::random_bytes(kNonceBytes);
  auto sending = stream->write_all(hello, deadline);
  if (Result<void> sent = co_await sending; !sent) co_return sent;

  std::string challenge(kChallengeBytes, '\0');
  auto reading = stream->read_exactly(challenge, deadline);
  if (Result<void> got = co_await reading; !got) co_return got;
  if (Result<void> good = check_beginning(challenge); !good) co_return good;

  auto proving = stream->write_all(make_proof(*party, kCaller, hello, challenge), deadline);
  if (Result<void> sent = co_await proving; !sent) co_return sent;
  std::string answer(kDigestBytes, '\0');
  auto answering = stream->read_exactly(answer, deadline);
  if (Result<void> got = co_await answering; !got) {
    if (got.error().code != Errc::closed) co_return got;
    co_return fail(Errc::eperm, "{}: refused us: another secret, cluster or list of members there?", stream->peer());
  }
  if (!same_bytes(answer, make_proof(*party, kCalled, hello, challenge)))
    co_return fail(Errc::eperm, "{}: does not know the secret", stream->peer());
  co_return Result<void>{};
}

io::Task<Result<Caller>> receive(std::shared_ptr<io::Stream> stream, std::shared_ptr<const Party> party,
                                 io::Deadline deadline, std::string received) {
  std::string hello = std::move(received);
  const std::size_t had = hello.size();
  hello.resize(kHelloBytes);
  auto reading = stream->read_exactly(std::span(hello).subspan(had), deadline);
  if (Result<void> got = co_await reading; !got) co_return fail(got.error());
  Result<Caller> caller = check_hello(*party, hello);
  if (!caller && caller.error().code != Errc::protocol_version) co_return caller;

  std::string challenge = begin_message();
  put<std::uint16_t>(challenge, 0);
  challenge += io::random_bytes(kNonceBytes);
  auto sending = stream->write_all(challenge, deadline);
  if (Result<void> sent = co_await sending; !sent) co_return fail(sent.error());
  if (!caller) co_return caller;  // the challenge told the other side which protocol is spoken here

  std::string answer(kDigestBytes, '\0');
  auto answering = stream->read_exactly(answer, deadline);
  if (Result<void> got = co_await answering; !got) co_return fail(got.error());
  if (!same_bytes(answer, make_proof(*party, kCaller, hello, challenge)))
    co_return fail(Errc::eperm, "does not know the secret");
  auto proving = stream->write_all(make_proof(*party, kCalled, hello, challenge), deadline);
  if (Result<void> sent = co_await proving; !sent) co_return fail(sent.error());
  co_return caller;
}

}  // namespace flurm::cluster
