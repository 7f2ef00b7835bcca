// conf/oci_conf.cpp — oci.conf(5): how containers are run.
#include "conf/key_file.hpp"
#include "conf/other_conf.hpp"

namespace flurm::conf {
namespace {

std::span<const Key<OciConf>> keys() {
  using C = OciConf;
  constexpr Support kUsed = Support::acted;
  static const Key<C> kKeys[] = {
      {.name = "CreateEnvFile", .support = kUsed, .field = &C::create_env_file},
      {.name = "RunTimeCreate", .support = kUsed, .field = &C::create},
      {.name = "RunTimeDelete", .support = kUsed, .field = &C::remove},
      {.name = "RunTimeKill", .support = kUsed, .field = &C::kill},
      {.name = "RunTimeQuery", .support = kUsed, .field = &C::query},
      {.name = "RunTimeRun", .support = kUsed, .field = &C::run},
      {.name = "RunTimeStart", .support = kUsed, .field = &C::start},
  };
  return kKeys;
}

constexpr std::string_view kWithoutEffect[] = {
    "ContainerPath", "DebugFlags",           "DisableCleanup", "DisableHooks",      "EnvExclude",
    "FileDebug",     "IgnoreFileConfigJson", "MountSpoolDir",  "RunTimeEnvExclude", "SrunArgs",
    "SrunPath",      "StdIODebug",           "SyslogDebug"};

}  // namespace

Result<OciConf> parse_oci_conf(std::string_view text, const std::string& file, const IncludeText& include,
                               std::vector<Diagnostic>& out) {
  const std::size_t before = out.size();
  const KeyFile<OciConf> kind{.name = "oci.conf",
                              .keys = keys(),
                              .without_effect = kWithoutEffect,
                              .why = "is accepted but has no effect in FLURM yet"};
  FLURM_TRY(OciConf conf, parse_key_file(kind, text, file, include, out));
  if (conf.run.empty() && (conf.create.empty() || conf.start.empty() || conf.query.empty()))
    Report{out, file}.error("RunTimeRun", "is needed, or RunTimeCreate, RunTimeStart and RunTimeQuery");
  if (auto error = first_error(out, before); !error.empty()) return fail(Errc::einval, "{}", error);
  return conf;
}

}  // namespace flurm::conf
