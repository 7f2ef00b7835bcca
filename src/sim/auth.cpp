// sim/auth.cpp — auth's credentials and host names where nobody lies: a credential says in plain text who made it.
#include "auth/hosts.hpp"
#include "auth/munge.hpp"
#include "fmt/format.h"
#include "io/clock.hpp"
#include "sim/world.hpp"

namespace flurm::auth {
namespace {

constexpr std::string_view kMagic = "SIM:";

}  // namespace

std::string_view validity_text(Validity) { return "good"; }

/// All programs here run as root.
Result<std::string> Munge::encode(std::string_view payload, std::optional<uid_t>) const {
  std::string out = fmt::format("{}{}:", kMagic, io::now().v);
  for (const char byte : payload) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

Result<Decoded> Munge::decode(std::string_view credential) const {
  if (!credential.starts_with(kMagic)) return fail(Errc::protocol_authentication, "no credential");
  credential.remove_prefix(kMagic.size());
  const std::size_t colon = credential.find(':');
  Decoded decoded;
  decoded.encode_time = {std::stoll(std::string(credential.substr(0, colon)))};
  for (std::size_t i = colon + 1; i + 1 < credential.size(); i += 2)
    decoded.payload += static_cast<char>(std::stoi(std::string(credential.substr(i, 2)), nullptr, 16));
  return decoded;
}

Result<std::string> sign(const Munge& munge, std::string_view packed) { return munge.encode(packed); }

Result<void> verify(const Munge& munge, std::string_view signature, std::string_view packed, uid_t) {
  const Result<Decoded> decoded = munge.decode(signature);
  if (!decoded || decoded->payload != packed) return fail(Errc::node_invalid_job_credential);
  return {};
}

std::string Hosts::look_up(const std::string& peer) { return cached(peer); }
std::string Hosts::cached(const std::string& peer) const {
  const sim::Machine* machine = sim::World::the().machine(peer.substr(0, peer.rfind(':')));
  return machine ? machine->name : peer;
}
void Hosts::clear() {}

}  // namespace flurm::auth
