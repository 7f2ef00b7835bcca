// dbd/configuration.cpp — see the header.
#include "dbd/configuration.hpp"

#include <filesystem>
#include <fstream>

#include "base/log.hpp"

namespace flurm::dbd {

namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) return fail(Errc::io, "cannot read {}", path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

Result<conf::SlurmdbdConf> load_configuration(const std::string& path) {
  FLURM_TRY(const std::string text, read_file(path));
  std::vector<conf::Diagnostic> diagnostics;
  const auto include = [dir = std::filesystem::path(path).parent_path()](const std::string& file) {
    return read_file((dir / file).string());
  };
  auto conf = conf::parse_slurmdbd_conf(text, path, include, diagnostics);
  for (const conf::Diagnostic& each : diagnostics)
    log(each.severity == conf::Severity::error ? Level::error : Level::warn, "conf.line",
        {{"text", conf::to_string(each)}});
  return conf;
}

store::Place place_of(const conf::SlurmdbdConf& conf) {
  store::Place place;
  if (conf.storage_type.ends_with("/sqlite")) {
    place.path = conf.storage_loc;
    return place;
  }
  place.kind = conf.storage_type.ends_with("/pgsql") ? store::Place::Kind::pgsql : store::Place::Kind::mysql;
  const bool named = conf.storage_loc != conf::SlurmdbdConf().storage_loc;
  place.name = named ? conf.storage_loc : "slurm_acct_db";  // as slurmdbd calls it
  place.host = conf.storage_host;
  place.user = conf.storage_user.empty() ? conf.slurm_user : conf.storage_user;
  place.password = conf.storage_pass;
  place.port = conf.storage_port;
  return place;
}

}  // namespace flurm::dbd
