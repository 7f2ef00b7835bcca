// base/hostlist_test.cpp — hostlists against recorded answers of Debian's scontrol 22.05, and their algebra.
#include "base/hostlist.hpp"

#include <algorithm>
#include <set>

#include "fmt/ranges.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"

namespace flurm {
namespace {

std::string joined(std::string_view expression) {
  auto hosts = expand_hosts(expression);
  return hosts ? fmt::format("{}", fmt::join(*hosts, " ")) : "error: " + hosts.error().text;
}

// Columns: the expression; `scontrol show hostnames`; `… hostlist`; `… hostlistsorted` (after dropping repetitions).
struct Recorded {
  std::string_view expression, names, list, sorted;
};
constexpr Recorded kRecorded[] = {
    {"n[1-3,7]", "n1 n2 n3 n7", "n[1-3,7]", "n[1-3,7]"},
    {"a[1-2],b3", "a1 a2 b3", "a[1-2],b3", "a[1-2],b3"},
    {"b3,a2,a1,a1", "b3 a2 a1 a1", "b3,a[2,1,1]", "a[1-2],b3"},
    {"n3,n2,n1", "n3 n2 n1", "n[3,2,1]", "n[1-3]"},
    {"n08,n09,n10,n11", "n08 n09 n10 n11", "n[08-11]", "n[08-11]"},
    {"n[8-11]", "n8 n9 n10 n11", "n[8-11]", "n[8-11]"},
    {"n9,n010,n11", "n9 n010 n11", "n[9,010,11]", "n[9,11,010]"},
    {"n[1-2]x[0-3]", "n1x0 n1x1 n1x2 n1x3 n2x0 n2x1 n2x2 n2x3", "n1x[0-3],n2x[0-3]", "n1x[0-3],n2x[0-3]"},
    {"n1-ib,n2-ib", "n1-ib n2-ib", "n1-ib,n2-ib", "n1-ib,n2-ib"},
    {"abc", "abc", "abc", "abc"},
    {",,n1,,", "n1", "n1", "n1"},
    {"n1 n2", "n1 n2", "n[1-2]", "n[1-2]"},
    {"n[1-2]a[1-2],n1a3", "n1a1 n1a2 n2a1 n2a2 n1a3", "n1a[1-2],n2a[1-2],n1a3", "n1a[1-3],n2a[1-2]"},
    {"tux[01-02][1-3]", "tux011 tux012 tux013 tux021 tux022 tux023", "tux[011-013,021-023]", "tux[011-013,021-023]"},
    {"", "", "", ""},
    {"n0-3", "n0-3", "n0-3", "n0-3"},
    {"n01,n1,n001", "n01 n1 n001", "n[01,1,001]", "n[1,01,001]"},
    {"n1,a,n2", "n1 a n2", "n1,a,n2", "a,n[1-2]"},
    {"n1,n1,n2", "n1 n1 n2", "n[1,1-2]", "n[1-2]"},
    {"[1-3]", "1 2 3", "[1-3]", "[1-3]"},
    {"n[5,1-3]", "n5 n1 n2 n3", "n[5,1-3]", "n[1-3,5]"},
    {"rack[0-1]node[0-1]", "rack0node0 rack0node1 rack1node0 rack1node1", "rack0node[0-1],rack1node[0-1]",
     "rack0node[0-1],rack1node[0-1]"},
    {"n1-2,n1-3", "n1-2 n1-3", "n1-[2-3]", "n1-[2-3]"},
    {"n[09-10]", "n09 n10", "n[09-10]", "n[09-10]"},
    {"n[9-010]", "n9 n10", "n[9-10]", "n[9-10]"},
    {"rack10n1,rack9n1,rackn1,rack", "rack10n1 rack9n1 rackn1 rack", "rack10n1,rack9n1,rackn1,rack",
     "rack,rack9n1,rack10n1,rackn1"},
};

TEST(HostList, agrees_with_scontrol) {
  for (const auto& r : kRecorded) {
    SCOPED_TRACE(r.expression);
    EXPECT_EQ(joined(r.expression), r.names);
    auto hosts = expand_hosts(r.expression);
    ASSERT_TRUE(hosts);
    EXPECT_EQ(compress_hosts(*hosts), r.list);
    EXPECT_EQ(compress_hosts_sorted(*hosts), r.sorted);
    EXPECT_EQ(count_hosts(r.expression).value(), hosts->size());
  }
}

TEST(HostList, text_may_follow_a_bracket) { EXPECT_EQ(joined("n[1-2]-ib[0,2]x"), "n1-ib0x n1-ib2x n2-ib0x n2-ib2x"); }

TEST(HostList, refuses_malformed) {
  for (auto text : {"n[1", "n]", "n[1-2", "n[3-1]", "n[a-b]", "n[]", "n[,]", "n[1-]", "n[-1]", "n[[1]]", "n[1]]",
                    "n[1-2-3]", "n[99999999999999999999]"}) {
    auto hosts = expand_hosts(text);
    ASSERT_FALSE(hosts) << text;
    EXPECT_EQ(hosts.error().code, Errc::invalid_node_name);
    EXPECT_FALSE(count_hosts(text)) << text;
  }
}

TEST(HostList, bounds_the_expansion) {
  EXPECT_EQ(count_hosts("n[0-65535]").value(), 65536U);
  EXPECT_FALSE(expand_hosts("n[0-65536]"));
  EXPECT_FALSE(expand_hosts("n[0-65535],m"));
  EXPECT_FALSE(expand_hosts("n[0-999][0-999][0-999][0-999][0-999][0-999][0-999]"));
  EXPECT_FALSE(expand_hosts("n[0-999999999999999999]"));
  EXPECT_TRUE(expand_hosts("n[0-9]", 10));
  EXPECT_FALSE(expand_hosts("n[0-10]", 10));
}

TEST(HostList, name_ending_in_a_huge_number_is_plain_text) {
  EXPECT_EQ(compress_hosts_sorted(std::vector<std::string>{"n99999999999999999999"}), "n99999999999999999999");
}

TEST(HostSet, finds_and_combines) {
  auto a = HostSet::parse("n[1-4],m1").value(), b = HostSet::parse("n[3-6]").value();
  EXPECT_EQ(a.str(), "m1,n[1-4]");
  EXPECT_EQ(a.index("n2"), 2U);
  EXPECT_EQ(a.index("n02"), std::nullopt);
  EXPECT_EQ((a | b).str(), "m1,n[1-6]");
  EXPECT_EQ((a & b).str(), "n[3-4]");
  EXPECT_EQ((a - b).str(), "m1,n[1-2]");
  EXPECT_TRUE(a.contains_all(HostSet::parse("n[2-3]").value()));
  EXPECT_FALSE(a.contains_all(b));
}

// Names that collide on purpose: few prefixes, few numbers, several paddings.
rc::Gen<std::string> gen_host() {
  return rc::gen::map(rc::gen::tuple(rc::gen::element<std::string>("n", "m", "n1x", "n01x", "a-", ""),
                                     rc::gen::element<std::string>("", "%d", "%02d", "%03d"), rc::gen::inRange(0, 120)),
                      [](const auto& t) {
                        auto [prefix, form, value] = t;
                        char digits[8] = "";
                        if (form == "%d") std::snprintf(digits, sizeof digits, "%d", value);
                        if (form == "%02d") std::snprintf(digits, sizeof digits, "%02d", value);
                        if (form == "%03d") std::snprintf(digits, sizeof digits, "%03d", value);
                        std::string name = prefix + digits;
                        return name.empty() ? std::string("x") : name;
                      });
}

RC_GTEST_PROP(HostListProp, compress_then_expand_is_identity, ()) {
  auto hosts = *rc::gen::container<std::vector<std::string>>(gen_host());
  RC_ASSERT(expand_hosts(compress_hosts(hosts)).value() == hosts);
}

RC_GTEST_PROP(HostListProp, sets_agree_with_std_set, ()) {
  auto a = *rc::gen::container<std::vector<std::string>>(gen_host());
  auto b = *rc::gen::container<std::vector<std::string>>(gen_host());
  HostSet x(a), y(b);
  std::set<std::string> sa(a.begin(), a.end()), sb(b.begin(), b.end()), both;
  RC_ASSERT(x.size() == sa.size());
  std::ranges::set_intersection(sa, sb, std::inserter(both, both.end()));
  RC_ASSERT((x & y).size() == both.size());
  RC_ASSERT((x | y).size() == sa.size() + sb.size() - both.size());
  RC_ASSERT((x - y).size() == sa.size() - both.size());
  for (const auto& name : b) RC_ASSERT(x.contains(name) == (sa.count(name) == 1));
}

RC_GTEST_PROP(HostListProp, order_is_strict_and_total, ()) {
  auto a = *gen_host(), b = *gen_host(), c = *gen_host();
  RC_ASSERT((compare_hosts(a, b) == 0) == (a == b));
  RC_ASSERT((compare_hosts(a, b) < 0) == (compare_hosts(b, a) > 0));
  if (compare_hosts(a, b) < 0 && compare_hosts(b, c) < 0) RC_ASSERT(compare_hosts(a, c) < 0);
}

RC_GTEST_PROP(HostListProp, any_text_is_answered, ()) {
  auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("n10-[],9 x")));
  auto hosts = expand_hosts(text, 1000);
  auto count = count_hosts(text, 1000);
  RC_ASSERT(hosts.has_value() == count.has_value());
  if (hosts) RC_ASSERT(hosts->size() == *count);
}

}  // namespace
}  // namespace flurm
