// stepd/pmi_text_test.cpp — PMI commands, cut at any place, whole and damaged.
#include "stepd/pmi_text.hpp"

#include "gtest/gtest.h"

namespace flurm::stepd {
namespace {

std::string said(const PmiCommand& command) {
  std::string text = command.name;
  for (const auto& [key, value] : command.values) text += " " + key + "=" + value;
  return text;
}

TEST(PmiText, both_versions_on_one_connection) {
  const std::string stream =
      "cmd=init pmi_version=2 pmi_subversion=0\n"
      "    34cmd=kvs-put;key=a;value=b;;c=d;x=;"
      "13    cmd=finalize;";
  PmiReader reader;
  std::vector<std::string> seen;
  for (const char c : stream) {
    reader.add({&c, 1});
    const auto command = reader.next();
    ASSERT_TRUE(command);
    if (!*command) continue;
    seen.push_back(said(**command));
    if ((*command)->name == "init") reader.set_version(2);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"init pmi_subversion=0 pmi_version=2",
                                            "kvs-put key=a value=b;c=d x=", "finalize"}));
}

TEST(PmiText, lines_of_version_1) {
  PmiReader reader;
  reader.add("cmd=put kvsname=7.0 key=P0-businesscard value=description#n1$port#1$\ncmd=barrier_in\ncmd=get");
  EXPECT_EQ(said(**reader.next()), "put key=P0-businesscard kvsname=7.0 value=description#n1$port#1$");
  EXPECT_EQ(said(**reader.next()), "barrier_in");
  EXPECT_FALSE(*reader.next());
}

TEST(PmiText, what_goes_on_for_ever_is_refused) {
  PmiReader reader;
  reader.add(std::string(70'000, 'x'));
  EXPECT_FALSE(reader.next());
  for (const char* head : {"xxxxxx", "99999 9", "-00001", "999999"}) {
    PmiReader second;
    second.set_version(2);
    second.add(head);
    EXPECT_FALSE(second.next()) << head;
  }
}

TEST(PmiText, answers) {
  EXPECT_EQ(pmi_message(1, {{"cmd", "get_result"}, {"rc", "0"}}), "cmd=get_result rc=0\n");
  EXPECT_EQ(pmi_message(2, {{"cmd", "x"}, {"value", "a;b"}}), "    17cmd=x;value=a;;b;");
}

}  // namespace
}  // namespace flurm::stepd
