// cluster/proof.hpp — the cryptography of the handshake: digests, and proofs that one knows a secret.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace flurm::cluster {

constexpr std::size_t kDigestBytes = 32;

/// SHA-256.
std::string digest(std::string_view text);
/// HMAC-SHA256 over `text` under `secret`.
std::string proof(std::string_view secret, std::string_view text);
/// Takes the same time wherever the two differ.
bool same_bytes(std::string_view a, std::string_view b);

}  // namespace flurm::cluster
