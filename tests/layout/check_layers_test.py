"""check_layers.py against small made-up trees."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["RERANKD_SOURCE_DIR"]) / "tools"))
import check_layers  # noqa: E402

TABLE = """
Text.

| layer | may include | third party |
|---|---|---|
| util | – | nlohmann |
| core | util | – |
| service | core, util/file.h, proto | gRPC |
| server | everything | – |
| clients | proto, util | gRPC |

| other | table |
|---|---|
"""


class CheckLayersTest(unittest.TestCase):
    def found(self, path, *includes):
        with tempfile.TemporaryDirectory() as folder:
            public = pathlib.Path(folder, "clients/cpp/include/rerankd/client.h")
            public.parent.mkdir(parents=True)
            public.touch()
            file = pathlib.Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f"#include {include}\n" for include in includes))
            return list(check_layers.breaches(pathlib.Path(folder), check_layers.read_table(TABLE)))

    def test_what_the_table_allows_is_no_breach(self):
        for path, include in [
                ("src/util/a.cc", '"util/b.h"'), ("src/util/a.cc", "<nlohmann/json.hpp>"),
                ("src/util/a.cc", "<vector>"), ("src/util/a.cc", "<sys/socket.h>"),
                ("src/util/a.cc", '"absl/status/status.h"'), ("src/core/a.h", '"util/b.h"'),
                ("src/service/a.cc", '"util/file.h"'), ("src/service/a.cc", "<grpcpp/server.h>"),
                ("src/service/a.cc", '"rerank/v1/rerank.grpc.pb.h"'),
                ("src/service/a.cc", '"google/rpc/status.pb.h"'),
                ("clients/cpp/src/a.cc", '"rerankd/client.h"'),
                ("server/a.cc", '"service/b.h"'), ("server/a.cc", '"server/b.h"')]:
            self.assertEqual(self.found(path, include), [], include)

    def test_each_breach_is_named_with_its_line(self):
        for path, include, message in [
                ("src/util/a.cc", '"core/b.h"', "src/util/a.cc:2: layer util: core/b.h: may not include core"),
                ("src/service/a.cc", '"util/json.h"', "may not include util"),
                ("src/core/a.h", "<nlohmann/json.hpp>", "may not use nlohmann"),
                ("src/core/a.h", "<ATen/ATen.h>", "may not use LibTorch"),
                ("src/core/a.h", '"rerank/v1/rerank.pb.h"', "generated proto code"),
                ("src/service/a.cc", "<google/protobuf/duration.pb.h>", "may not use protobuf"),
                ("src/core/a.h", '"rerankd/client.h"', "may not include clients"),
                ("server/a.cc", "<grpcpp/server.h>", "may not use gRPC"),
                ("src/core/a.h", "<boost/any.hpp>", "no library"),
                ("src/newcomer/a.h", "<vector>", "newcomer has no row")]:
            found = self.found(path, "<vector>", include)
            self.assertEqual(len(found), 1, include)
            self.assertIn(message, found[0])

    def test_a_table_that_cannot_be_used_is_refused(self):
        for text in ["", TABLE.replace("third party", "libraries"),
                     TABLE.replace("nlohmann", "boost"), TABLE.replace("| core | util |", "| core | base |")]:
            with self.assertRaises(check_layers.BadTable):
                check_layers.read_table(text)


if __name__ == "__main__":
    unittest.main()
