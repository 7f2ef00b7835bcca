// codec/archive.hpp — a message is described once, by a function that names its fields in order; an Archive is
// what the description is run against: Packer, Unpacker, Dumper, Fuzzer, Layout.
//
//   struct Pair { std::uint32_t left = 0; std::string right; bool operator==(const Pair&) const = default; };
//   void fields(codec::Archive& ar, Pair& m) {
//     ar("left",  m.left);
//     ar("right", m.right, since(2));            // absent in version 1
//   }
//
// How C++ types travel (Slurm's encodings, all big-endian):
//   integers, enums      their own width; as<uint16_t>(x) sends x in another width
//   bool                 one byte
//   double, float        IEEE bytes of value × 1 000 000; text_f64(x) sends decimal text instead
//   std::string          u32 length with the trailing NUL counted, bytes, NUL. Empty is sent as length 0 (C's NULL),
//                        both length 0 and "" are read as empty. In a list it is sent as "". A string ends at its first
//                        NUL, as in C.
//   optional<string>     the same, but nullopt (length 0) and "" (length 1) stay apart
//   bytes(x), raw(x)     u32 length and bytes; bytes alone (raw can only be read with codec::rest)
//   vector<T>            u32 count, items;   optional<vector<T>>: nullopt is count 0xfffffffe
//   map<K,V>, set<T>     as a list, ascending; reading refuses duplicates
//   absent_if_empty(v)   a list whose empty form is sent as count 0xfffffffe; both are read as empty
//   sized(v, n)          a list or bytes with an own count that must equal n, read before
//   counted<uint16_t>(v) a list with another count width; count(n) with items(v, n): a count that stands apart
//   present_u8(o), present_bool(o)   one byte 1 or 0, then the value
//   TimeS u64, JobId u32, structs: their fields() found by argument-dependent look-up
//   secret(x)            a string that dumps hide: tokens, signatures, cookies
//   unused<T>(v)         a constant on the wire that no member holds
//
// The description must not change the message unless fills() is true: pack() runs it on a const object.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/types.hpp"

namespace flurm::codec {

/// The versions in which a field exists: from ≤ version < until.
struct Span {
  std::uint16_t from = 0, until = 0xffff;
};
constexpr Span since(std::uint16_t version) { return {version, 0xffff}; }
constexpr Span until(std::uint16_t version) { return {0, version}; }
constexpr Span between(std::uint16_t from, std::uint16_t until) { return {from, until}; }

/// How the count of a list stands on the wire. `bare`: nowhere here, the count is known from elsewhere.
enum class ListForm : std::uint8_t { u32, u16, u32_optional, bare };
inline constexpr std::uint32_t kAbsentList = 0xfffffffe;

/// Kinds of archive. Descriptions rarely ask; irregular ones may.
enum class Kind : std::uint8_t { pack, unpack, dump, fuzz, layout };

class Archive {
 public:
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  virtual ~Archive() = default;

  /// The version the message is in. Numbers belong to the caller: Slurm's protocol, or the log's own.
  std::uint16_t version() const { return version_; }
  Kind kind() const { return kind_; }
  /// Runs `part` with another version: for a piece inside the message that was encoded on its own.
  template <class Part>
  void in_version(std::uint16_t version, Part&& part) {
    std::uint16_t outer = std::exchange(version_, version);
    part();
    version_ = outer;
  }
  /// True when the archive writes into the message (unpack, fuzz).
  bool fills() const { return kind_ == Kind::unpack || kind_ == Kind::fuzz; }

  /// One field. Outside its span nothing happens and the member keeps its value.
  template <class T>
  void operator()(const char* name, T&& value, Span span = {}) {
    if (version_ < span.from || version_ >= span.until) return;
    name_ = name;
    item(value);
  }

  /// A value without a name: list items, and what wrappers hold.
  template <class T>
  void item(T& value);

  // The primitives. A filling archive assigns, the others only read.
  virtual void u8(std::uint8_t&) = 0;
  virtual void u16(std::uint16_t&) = 0;
  virtual void u32(std::uint32_t&) = 0;
  virtual void u64(std::uint64_t&) = 0;
  virtual void boolean(bool&) = 0;
  virtual void f64(double&) = 0;
  virtual void f32(float&) = 0;
  virtual void f64_text(double&) = 0;
  virtual void time(TimeS&) = 0;
  virtual void str(std::string&) = 0;
  /// As str, but never NULL: items of string lists, because C code stops counting at a NULL.
  virtual void str_item(std::string& v) { str(v); }
  virtual void opt_str(std::optional<std::string>&) = 0;
  virtual void bytes(std::string&) = 0;
  /// Bytes with nothing around them. Unpacking takes all that is left.
  virtual void raw(std::string&) = 0;
  /// A count that stands apart from its items. Unpacking refuses more than the bytes left could hold.
  virtual void count(std::uint32_t&) = 0;

  /// `n`: items; kAbsentList only with u32_optional.
  virtual void begin_list(ListForm form, std::uint32_t& n) = 0;
  virtual void next_item() {}
  virtual void end_list() {}
  virtual void begin_optional(bool& present, std::uint8_t mark) = 0;
  virtual void begin_struct(std::string_view /*type*/) {}
  virtual void end_struct() {}

  /// False once unpacking failed: lists stop growing. Always true elsewhere.
  virtual bool ok() const { return true; }
  /// Unpacking: the value just read cannot be; the first such reason is kept.
  virtual void reject(std::string_view /*why*/) {}
  /// Unpacking: bytes consumed so far, and a copy of those from `start` on.
  virtual std::size_t position() const { return 0; }
  virtual std::string consumed_since(std::size_t /*start*/) const { return {}; }
  /// Fuzzing: a number below `n` (n > 0). 0 elsewhere.
  virtual std::uint64_t choose(std::uint64_t /*n*/) { return 0; }

 protected:
  Archive(Kind kind, std::uint16_t version) : version_(version), kind_(kind) {}
  const char* name_ = nullptr;  // of the field at hand; string literals, so they outlive the archive

 private:
  std::uint16_t version_;
  Kind kind_;
};

// --- wrappers ---------------------------------------------------------------------------------------------------

/// Sends an integer or enum in width W. Values that do not fit are cut: the description gives each version its width.
template <class W, class T>
struct As {
  T& value;
  void code(Archive& ar) {
    W wide = static_cast<W>(value);
    ar.item(wide);
    if (ar.fills()) value = static_cast<T>(wide);
  }
};
template <class W, class T>
As<W, T> as(T& value) {
  return {value};
}

/// A constant that only the wire has: sent as `value`, skipped when read.
template <class T>
struct Unused {
  T value{};
  void code(Archive& ar) {
    if (ar.kind() == Kind::dump) return;
    T copy = value;
    ar.item(copy);
  }
};
template <class T>
Unused<T> unused(T value = {}) {
  return {std::move(value)};
}

template <class T>
struct Present {
  std::optional<T>& value;
  std::uint8_t mark;
  void code(Archive& ar) {
    bool present = value.has_value() || ar.kind() == Kind::layout;
    ar.begin_optional(present, mark);
    if (ar.fills()) {
      value.reset();
      if (present) value.emplace();
    }
    if (!present) return;
    if (value) {
      ar.item(*value);
    } else {
      T shown{};
      ar.item(shown);
    }
  }
};
/// A byte `mark` (0 when absent), then the value. Any byte but 0 is read as present.
template <class T>
Present<T> present_u8(std::optional<T>& value, std::uint8_t mark = 1) {
  return {value, mark};
}
template <class T>
Present<T> present_bool(std::optional<T>& value) {
  return {value, 1};
}

struct Bytes {
  std::string& value;
  void code(Archive& ar) { ar.bytes(value); }
};
inline Bytes bytes(std::string& value) { return {value}; }

struct Raw {
  std::string& value;
  void code(Archive& ar) { ar.raw(value); }
};
/// The rest of the message, as it is.
inline Raw rest(std::string& value) { return {value}; }

/// Text that no dump shows: "(hidden)" stands for it there, unless it is empty.
template <class T>
struct Secret {
  T& value;  // a string or an optional one
  void code(Archive& ar) {
    if (ar.kind() != Kind::dump) return ar.item(value);
    bool empty = value == T{} || value == T{std::string()};
    std::string shown = empty ? "" : "(hidden)";
    ar.str(shown);
  }
};
template <class T>
Secret<T> secret(T& value) {
  return {value};
}

struct TextF64 {
  double& value;
  void code(Archive& ar) { ar.f64_text(value); }
};
/// A number as decimal text with six digits (Slurm's long double).
inline TextF64 text_f64(double& value) { return {value}; }

struct TextF64List {
  std::vector<double>& value;
  void code(Archive& ar);
};
inline TextF64List text_f64(std::vector<double>& value) { return {value}; }

template <class W>
struct Count {
  std::uint32_t& value;
  void code(Archive& ar) {
    if constexpr (sizeof(W) == 4) {
      ar.count(value);
    } else if (ar.kind() != Kind::dump) {  // as Archive::count: the list shows it
      std::uint16_t narrow = static_cast<std::uint16_t>(value);
      ar.u16(narrow);
      if (ar.kind() == Kind::unpack) value = narrow;
      if (ar.kind() == Kind::fuzz) value = static_cast<std::uint32_t>(ar.choose(4));
    }
  }
};
/// A count that stands apart from its list: a local variable, set from the list's size before.
template <class W = std::uint32_t>
Count<W> count(std::uint32_t& value) {
  return {value};
}

namespace detail {

template <class T, class Each>
void list_items(Archive& ar, std::vector<T>& list, std::uint32_t n, Each&& each) {
  if (ar.fills()) {
    list.clear();
    for (std::uint32_t i = 0; i < n && ar.ok(); ++i) {
      ar.next_item();
      each(list.emplace_back());
    }
  } else if (ar.kind() == Kind::layout) {
    T shown{};
    ar.next_item();
    each(shown);
  } else {
    for (std::uint32_t i = 0; i < n; ++i) {
      ar.next_item();
      if (i < list.size()) {
        each(list[i]);
      } else {  // fewer items than the count elsewhere says: the rest travel as defaults
        T missing{};
        each(missing);
      }
    }
  }
  ar.end_list();
}

template <class T>
void list_items(Archive& ar, std::vector<T>& list, std::uint32_t n) {
  if constexpr (std::is_same_v<T, std::string>) {
    list_items(ar, list, n, [&](T& each) { ar.str_item(each); });
  } else {
    list_items(ar, list, n, [&](T& each) { ar.item(each); });
  }
}

template <class T>
void list(Archive& ar, std::vector<T>& value, ListForm form, std::uint32_t n) {
  ar.begin_list(form, n);
  list_items(ar, value, n);
}

template <class T>
void optional_list(Archive& ar, std::optional<std::vector<T>>& value) {
  std::uint32_t n = value ? static_cast<std::uint32_t>(value->size()) : kAbsentList;
  ar.begin_list(ListForm::u32_optional, n);
  if (n == kAbsentList) {
    if (ar.fills()) value.reset();
    if (ar.kind() != Kind::layout) return ar.end_list();
  }
  if (ar.fills()) value.emplace();
  std::vector<T> none;
  list_items(ar, value ? *value : none, n);
}

template <class K, class V>
void ordered(Archive& ar, std::map<K, V>& map) {
  std::uint32_t n = static_cast<std::uint32_t>(map.size());
  ar.begin_list(ListForm::u32, n);
  auto pair = [&](K& key, V& value) {
    ar.next_item();
    ar.begin_struct("pair");
    ar("key", key);
    ar("value", value);
    ar.end_struct();
  };
  if (ar.fills() || ar.kind() == Kind::layout) {
    if (ar.fills()) map.clear();
    for (std::uint32_t i = 0; i < (ar.fills() ? n : 1) && ar.ok(); ++i) {
      K key{};
      V value{};
      pair(key, value);
      if (ar.fills() && !map.emplace(std::move(key), std::move(value)).second) ar.reject("duplicate key");
    }
  } else {
    for (auto& [key, value] : map) pair(const_cast<K&>(key), value);  // only filling archives assign
  }
  ar.end_list();
}

template <class T>
void ordered(Archive& ar, std::set<T>& set) {
  std::vector<T> list_of(set.begin(), set.end());
  detail::list(ar, list_of, ListForm::u32, static_cast<std::uint32_t>(list_of.size()));
  if (!ar.fills()) return;
  set.clear();
  for (T& each : list_of) {
    if (!set.insert(std::move(each)).second) ar.reject("duplicate item");
  }
}

/// The unqualified name of T, for documentation and dumps.
template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(text.find("T = ") + 4);
  text = text.substr(0, text.find_first_of(";]"));
  if (std::size_t colon = text.rfind("::"); colon != text.npos) text = text.substr(colon + 2);
  return text;
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional_vector = false;
template <class T>
inline constexpr bool is_optional_vector<std::optional<std::vector<T>>> = true;
template <class T>
inline constexpr bool is_ordered = false;
template <class K, class V>
inline constexpr bool is_ordered<std::map<K, V>> = true;
template <class T>
inline constexpr bool is_ordered<std::set<T>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

}  // namespace detail

inline void TextF64List::code(Archive& ar) {
  auto n = static_cast<std::uint32_t>(value.size());
  ar.begin_list(ListForm::u32, n);
  detail::list_items(ar, value, n, [&](double& each) { ar.f64_text(each); });
}

template <class W, class T>
struct Counted {
  std::vector<T>& value;
  void code(Archive& ar) {
    detail::list(ar, value, sizeof(W) == 2 ? ListForm::u16 : ListForm::u32, static_cast<std::uint32_t>(value.size()));
  }
};
/// A list whose count has width W (u16 or u32).
template <class W, class T>
Counted<W, T> counted(std::vector<T>& value) {
  return {value};
}

template <class T>
struct Items {
  std::vector<T>& value;
  std::uint32_t n;
  void code(Archive& ar) { detail::list(ar, value, ListForm::bare, n); }
};
/// `n` items whose count stands elsewhere. Packing sends exactly n, defaults where the list is shorter.
template <class T>
Items<T> items(std::vector<T>& value, std::uint32_t n) {
  return {value, n};
}

template <class T>
struct PresentItems {
  std::optional<std::vector<T>>& value;
  std::uint32_t n;
  void code(Archive& ar) {
    bool present = value.has_value() || ar.kind() == Kind::layout;
    ar.begin_optional(present, 1);
    if (ar.fills()) {
      value.reset();
      if (present) value.emplace();
    }
    if (!present) return;
    std::vector<T> shown;
    detail::list(ar, value ? *value : shown, ListForm::bare, n);
  }
};
/// A byte 1 or 0, then `n` items whose count stands elsewhere.
template <class T>
PresentItems<T> present_items(std::optional<std::vector<T>>& value, std::uint32_t n) {
  return {value, n};
}

template <class T>
struct AbsentIfEmpty {
  std::vector<T>& value;
  void code(Archive& ar) {
    std::uint32_t n = value.empty() ? kAbsentList : static_cast<std::uint32_t>(value.size());
    ar.begin_list(ListForm::u32_optional, n);
    detail::list_items(ar, value, n == kAbsentList ? 0 : n);
  }
};
template <class T>
AbsentIfEmpty<T> absent_if_empty(std::vector<T>& value) {
  return {value};
}

template <class T>
struct Sized {
  T& value;
  std::uint32_t n;
  void code(Archive& ar) {
    if constexpr (std::is_same_v<T, std::string>) {
      ar.bytes(value);
    } else {
      ar.item(value);
    }
    if (ar.kind() == Kind::fuzz) value.resize(n);
    if (ar.kind() == Kind::unpack && value.size() != n) ar.reject("the count before says otherwise");
  }
};
/// A list (or, for a string, bytes) whose own count must equal `n`, a count that stands before it.
template <class T>
Sized<T> sized(T& value, std::uint32_t n) {
  return {value, n};
}

// --- dispatch ---------------------------------------------------------------------------------------------------

template <class T>
void Archive::item(T& value) {
  if constexpr (requires { value.code(*this); }) {
    value.code(*this);
  } else if constexpr (std::is_same_v<T, bool>) {
    boolean(value);
  } else if constexpr (std::is_same_v<T, double>) {
    f64(value);
  } else if constexpr (std::is_same_v<T, float>) {
    f32(value);
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    u8(value);
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    u16(value);
  } else if constexpr (std::is_same_v<T, std::uint32_t>) {
    u32(value);
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    u64(value);
  } else if constexpr (std::is_enum_v<T>) {
    auto number = static_cast<std::underlying_type_t<T>>(value);
    item(number);
    if (fills()) value = static_cast<T>(number);
  } else if constexpr (std::is_integral_v<T>) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    item(bits);
    if (fills()) value = static_cast<T>(bits);
  } else if constexpr (std::is_same_v<T, std::string>) {
    str(value);
  } else if constexpr (std::is_same_v<T, std::optional<std::string>>) {
    opt_str(value);
  } else if constexpr (std::is_same_v<T, TimeS>) {
    time(value);
  } else if constexpr (std::is_same_v<T, JobId>) {
    u32(value.v);
  } else if constexpr (detail::is_vector<T>) {
    detail::list(*this, value, ListForm::u32, static_cast<std::uint32_t>(value.size()));
  } else if constexpr (detail::is_optional_vector<T>) {
    detail::optional_list(*this, value);
  } else if constexpr (detail::is_ordered<T>) {
    detail::ordered(*this, value);
  } else if constexpr (detail::is_array<T>) {
    for (auto& each : value) item(each);
  } else {
    begin_struct(detail::type_name<T>());
    fields(*this, value);
    end_struct();
  }
}

}  // namespace flurm::codec
