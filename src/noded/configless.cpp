// noded/configless.cpp — see configless.hpp.
#include "noded/configless.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "exec/fd.hpp"
#include "wire/msg/return_code.hpp"
#include "wire/versions.hpp"

namespace flurm::noded {
namespace {

constexpr std::uint16_t kControllerPort = 6817;
constexpr std::uint32_t kForNode = 1;

std::vector<rpc::Address> parse_servers(std::string_view servers) {
  std::vector<rpc::Address> addresses;
  while (!servers.empty()) {
    const auto comma = servers.find(',');
    const std::string_view server = servers.substr(0, comma);
    servers = comma == std::string_view::npos ? std::string_view{} : servers.substr(comma + 1);
    const auto colon = server.rfind(':');
    rpc::Address address{std::string(server.substr(0, colon)), kControllerPort};
    if (colon != std::string_view::npos) {
      std::from_chars(server.data() + colon + 1, server.data() + server.size(), address.port);
    }
    if (!address.host.empty()) addresses.push_back(std::move(address));
  }
  return addresses;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

}  // namespace

io::Task<Result<wire::ConfigResponse>> fetch_configuration(rpc::Client& client, std::string servers) {
  Error last{Errc::communications_connection, "no controller named"};
  wire::ConfigRequest request;
  request.flags = kForNode;
  for (const rpc::Address& address : parse_servers(servers)) {
    for (const std::uint16_t version : wire::kVersions) {
      auto calling = client.call(address, wire::MsgType::REQUEST_CONFIG, request, version, {});
      auto answer = co_await calling;
      if (answer && answer->is<wire::ConfigResponse>()) co_return answer->as<wire::ConfigResponse>();
      if (answer) {
        last = {answer->is<wire::ReturnCode>() ? static_cast<Errc>(answer->as<wire::ReturnCode>().return_code)
                                               : Errc::unexpected_msg,
                address.text()};
        break;
      }
      last = answer.error();
      if (last.code != Errc::communications_receive && last.code != Errc::protocol_version) break;
    }
  }
  co_return fail(std::move(last));
}

Result<std::string> store_configuration(const wire::ConfigResponse& configuration, const std::string& spool) {
  const std::string directory = spool + "/conf-cache";
  for (const std::string& path : {spool, directory}) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
      return fail(Errc::io, "mkdir {}: {}", path, std::strerror(errno));
  }
  if (!configuration.config_files) return fail(Errc::corrupt, "the controller sent no files");
  for (const wire::ConfigFile& file : *configuration.config_files) {
    if (!is_plain_name(file.file_name)) return fail(Errc::corrupt, "file name \"{}\"", file.file_name);
    const std::string path = directory + "/" + file.file_name;
    if (!file.exists) {
      unlink(path.c_str());
      continue;
    }
    FLURM_TRY_VOID(exec::replace_file(path, file.file_content, file.execute ? 0755 : 0644));
  }
  return directory + "/slurm.conf";
}

}  // namespace flurm::noded
