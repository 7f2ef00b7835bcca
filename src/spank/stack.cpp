// spank/stack.cpp — see stack.hpp.
#include "spank/stack.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "fmt/format.h"

namespace flurm::spank {
namespace {

constexpr std::string_view kVariablePrefix = "_SLURM_SPANK_OPTION_", kScriptPrefix = "SPANK_";
constexpr std::size_t kOptionNameMax = 75;  // slurm/spank.h SPANK_OPTION_MAXLEN
constexpr std::uint32_t kOldestRelease = 22u << 16 | 5u << 8;
Stack* g_current = nullptr;

std::string last_error() {
  const char* text = dlerror();
  return text ? text : "unknown error";
}

template <class T>
T* symbol(void* library, const char* name) {
  return reinterpret_cast<T*>(dlsym(library, name));
}

/// What plugins call of Slurm's library beside this interface they find in slurmstepd. Where the library is not
/// installed, only such plugins miss it.
void open_slurms_library() {
  constexpr int kNewest = 60, kOldest = 38;  // of 22.05
  for (int version = kNewest; version >= kOldest; --version)
    if (dlopen(fmt::format("libslurm.so.{}", version).c_str(), RTLD_LAZY | RTLD_GLOBAL)) return;
}

std::array<std::string, 4> version_texts(std::uint32_t number) {
  const std::uint32_t major = number >> 16, minor = number >> 8 & 0xff, micro = number & 0xff;
  return {fmt::format("{}.{:02}.{}", major, minor, micro), std::to_string(major), fmt::format("{:02}", minor),
          std::to_string(micro)};
}

}  // namespace

std::string option_variable(std::string_view plugin, std::string_view option) {
  std::string name(kVariablePrefix);
  name.append(plugin).append("_").append(option);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

Stack* Stack::current() { return g_current; }

Stack::~Stack() { g_current = nullptr; }

Result<std::unique_ptr<Stack>> Stack::load(Context context, const std::string& plugstack, const std::string& plugin_dir,
                                           Say say) {
  std::unique_ptr<Stack> stack(new Stack(context, std::move(say)));
  g_current = stack.get();
  std::vector<std::string> problems;
  FLURM_TRY(const auto entries, exec::read_plugstack(plugstack, problems));
  if (!entries.empty()) open_slurms_library();
  for (const std::string& problem : problems) stack->say(Tone::error, "spank: " + problem);
  for (const exec::PlugstackEntry& entry : entries) {
    auto plugin = stack->open(entry, plugin_dir);
    if (!plugin) {
      stack->say(entry.required ? Tone::error : Tone::log_only, "spank: " + plugin.error().text);
      if (entry.required) return std::unexpected(plugin.error());
      continue;
    }
    if (!stack->is_of_use(**plugin)) continue;
    const Plugin& loaded = *stack->plugins_.emplace_back(std::move(*plugin));
    for (const COption* option = loaded.table; option && option->name; ++option)
      (void)stack->add_option(loaded, *option);
  }
  return stack;
}

Result<std::unique_ptr<Plugin>> Stack::open(const exec::PlugstackEntry& entry, const std::string& plugin_dir) const {
  auto plugin = std::make_unique<Plugin>();
  plugin->path = exec::find_plugin(entry.plugin, plugin_dir);
  if (plugin->path.empty()) return fail(exec::kPluginFailed, "{}: not found in PluginDir {}", entry.plugin, plugin_dir);
  for (const auto& known : plugins_)
    if (known->path == plugin->path) return fail(exec::kPluginFailed, "{}: named twice", plugin->path);
  // Lazily: a plugin may call what only the client has, as long as it calls that only there.
  void* const library = dlopen(plugin->path.c_str(), RTLD_LAZY);
  if (!library) return fail(exec::kPluginFailed, "{}: {}", plugin->path, last_error());
  plugin->name = symbol<const char>(library, "plugin_name");
  const auto* const type = symbol<const char>(library, "plugin_type");
  const auto* const version = symbol<const std::uint32_t>(library, "plugin_version");
  if (!plugin->name || !type || !version || std::string_view(type) != "spank")
    return fail(exec::kPluginFailed, "{}: not a SPANK plugin", plugin->path);
  if (*version < kOldestRelease)
    return fail(exec::kPluginFailed, "{}: made for Slurm {}", plugin->path, version_texts(*version)[0]);
  if (auto* const start = symbol<int()>(library, "init"); start && start() != 0)
    return fail(exec::kPluginFailed, "{}: its init() failed", plugin->path);
  for (std::size_t i = 0; i < kFunctionNames.size(); ++i)
    plugin->functions[i] = symbol<std::remove_pointer_t<Function>>(library, kFunctionNames[i]);
  plugin->table = symbol<COption>(library, "spank_options");
  plugin->version = version_texts(*version);
  plugin->required = entry.required;
  plugin->arguments = entry.arguments;
  for (std::string& argument : plugin->arguments) plugin->argument_pointers.push_back(argument.data());
  plugin->argument_pointers.push_back(nullptr);
  return plugin;
}

bool Stack::is_of_use(const Plugin& plugin) const {
  const auto has = [&](Phase phase) { return plugin.functions[static_cast<std::size_t>(phase)] != nullptr; };
  switch (context_) {
    case Context::job_script:
      return has(Phase::job_prolog) || has(Phase::job_epilog);
    case Context::slurmd:
      return has(Phase::init) || has(Phase::slurmd_exit) || has(Phase::job_prolog) || has(Phase::job_epilog);
    default:
      return true;
  }
}

bool Stack::has(Phase phase) const {
  return std::ranges::any_of(plugins_,
                             [&](const auto& each) { return each->functions[static_cast<std::size_t>(phase)]; });
}

bool Stack::call(Phase phase, Job* job, int task) {
  Handle handle{.stack = this, .phase = phase, .job = job, .task = task};
  for (const auto& plugin : plugins_) {
    const Function function = plugin->functions[static_cast<std::size_t>(phase)];
    if (!function) continue;
    handle.plugin = plugin.get();
    const int rc = function(&handle, static_cast<int>(plugin->arguments.size()), plugin->argument_pointers.data());
    if (rc == 0 || !plugin->required) continue;
    say_(Tone::error, fmt::format("spank: required plugin {}: {}() failed with rc={}",
                                  plugin->path.substr(plugin->path.rfind('/') + 1),
                                  kFunctionNames[static_cast<std::size_t>(phase)] + sizeof "slurm_spank_" - 1, rc));
    return rc > 0;  // as Slurm, which takes only a negative answer for the end
  }
  return true;
}

// --- options ------------------------------------------------------------------------------------------------------

Code Stack::add_option(const Plugin& plugin, const COption& option) {
  const std::string_view name = option.name;
  if (name.size() > kOptionNameMax) {
    say_(Tone::error, fmt::format("spank: option \"{}\" provided by {} too long. Ignoring.", name, plugin.name));
    return kNoSpace;
  }
  options_.push_back({.plugin = &plugin,
                      .name = std::string(name),
                      .has_argument = option.has_argument != 0,
                      .value = option.value,
                      .callback = option.callback});
  return kSuccess;
}

void Stack::give(Option& option, const std::string& argument) {
  constexpr int kRemote = 1;
  if (option.callback && option.callback(option.value, argument.c_str(), kRemote) != 0) {
    say_(Tone::error, fmt::format("spank: failed to process option {}={}", option.name, argument));
    return;
  }
  if (option.has_argument) option.argument = argument;
  option.given = true;
}

void Stack::take_options(const std::vector<exec::SpankOption>& sent, exec::Environment& env) {
  for (const exec::SpankOption& each : sent) {
    const auto known = std::ranges::find_if(
        options_, [&](const Option& option) { return option.name == each.name && option.plugin->name == each.plugin; });
    if (known != options_.end())
      give(*known, each.value);
    else
      say_(Tone::error, fmt::format("Warning: SPANK plugin \"{}\" option \"{}\" not found", each.plugin, each.name));
  }
  for (Option& option : options_) {
    const std::string variable = option_variable(option.plugin->name, option.name);
    if (const auto value = env.get(variable)) {
      give(option, std::string(*value));
      env.unset(variable);
    }
  }
  std::vector<std::string> left_over;
  for (const std::string& entry : env.entries()) {
    std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const std::string_view whole = name;
    if (name.starts_with(kScriptPrefix)) name.remove_prefix(kScriptPrefix.size());
    if (name.starts_with(kVariablePrefix)) left_over.emplace_back(whole);
  }
  for (const std::string& name : left_over) env.unset(name);
}

bool Stack::find_option(const Plugin& plugin, const COption& wanted, char** argument) {
  auto known = std::ranges::find(options_, wanted.name, &Option::name);
  if (known == options_.end()) {
    known = options_.insert(options_.end(), {.plugin = &plugin,
                                             .name = wanted.name,
                                             .has_argument = wanted.has_argument != 0,
                                             .value = wanted.value,
                                             .callback = wanted.callback});
    const std::string variable = option_variable(plugin.name, wanted.name);
    const char* value = std::getenv((std::string(kScriptPrefix) + variable).c_str());
    if (!value) value = std::getenv(variable.c_str());
    known->given = value != nullptr;
    if (value) known->argument = value;
  }
  if (known->given && wanted.has_argument && argument) *argument = known->argument.data();
  return known->given;
}

}  // namespace flurm::spank
