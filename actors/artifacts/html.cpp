// html.cpp: Escaping, numbers, tables.
#include "actors/artifacts/html.hpp"

#include <cmath>
#include <cstdio>

namespace sextant::html {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // Control characters are not allowed in HTML, not even escaped.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve(bytes.size() * 4 / 3 + 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k)
      out += i + k <= bytes.size() ? letters[group >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

std::string number(double value, int decimals) {
  if (!std::isfinite(value))
    return "–";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  std::string text = buffer;
  const auto point = std::min(text.find('.'), text.size());
  const size_t first = text[0] == '-' ? 1 : 0;
  if (point - first > 4)
    for (size_t at = point; at > first + 3; at -= 3)
      text.insert(at - 3, "\u202f");
  return text;
}

cell text(std::string_view value) {
  return {escaped(value), false};
}

cell value(double number_value, int decimals) {
  return {number(number_value, decimals), true};
}

cell raw(std::string content) {
  return {std::move(content), false};
}

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<cell>>& rows) {
  if (rows.empty())
    return "<p class=none>none</p>\n";
  std::string out = "<div class=scroll><table>\n<thead><tr>";
  for (size_t i = 0; i < header.size(); ++i)
    out += std::string{i < rows.front().size() && rows.front()[i].numeric ? "<th class=num>" : "<th>"} + escaped(header[i])
           + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (const auto& c : row)
      out += (c.numeric ? "<td class=num>" : "<td>") + c.content + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string folded(std::string_view summary, const std::string& content) {
  return "<details><summary>" + escaped(summary) + "</summary>\n" + content + "</details>\n";
}

std::string_view style() {
  return R"(
:root{--ink:#1c2024;--soft:#5f6b76;--line:#dfe4e8;--good:#00694b;--good-bg:#e3f4ee;--bad:#9a3412;--bad-bg:#fdeee6;--accent:#0072b2}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;color:var(--ink);background:#f5f7f8}
main{max-width:1320px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:25px;line-height:1.25;margin:0 0 2px}
h2{font-size:18px;margin:38px 0 10px}
p{margin:6px 0}
.sub{color:var(--soft)}
.none{color:var(--soft);font-style:italic}
.verdict{border-radius:10px;padding:18px 22px;margin:20px 0 16px;border-left:8px solid}
.verdict.good{background:var(--good-bg);border-color:var(--good)}
.verdict.bad{background:var(--bad-bg);border-color:#d55e00}
.verdict b{font-size:21px;display:block}
.good b,.tag.good{color:var(--good)}
.bad b,.tag.bad{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:16px}
.card{background:#fff;border:1px solid var(--line);border-radius:10px;padding:16px 20px}
.card h3{margin:0;font-size:13px;letter-spacing:.05em;text-transform:uppercase;color:var(--soft)}
.big{font-size:27px;font-weight:650;margin:2px 0 8px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0}
dt{color:var(--soft)}
dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.bar{position:relative;height:8px;border-radius:4px;background:#e8ecef;margin:8px 0 12px}
.bar i{position:absolute;left:0;top:0;bottom:0;border-radius:4px}
.bar.good i{background:#009e73}
.bar.bad i{background:#d55e00}
.bar u{position:absolute;top:-4px;bottom:-4px;width:2px;background:var(--ink)}
.scroll{overflow-x:auto;background:#fff;border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;background:#fafbfc;vertical-align:bottom}
.why{min-width:270px}
tbody tr:last-child td{border-bottom:0}
.num{text-align:right;font-variant-numeric:tabular-nums}
td.num{white-space:nowrap}
.tag{display:inline-block;padding:0 9px;border-radius:10px;font-size:12.5px;font-weight:600;background:#eceff1;color:#3d4852;white-space:nowrap}
.tag.good{background:var(--good-bg)}
.tag.bad{background:var(--bad-bg)}
.tag.pick{background:var(--accent);color:#fff}
pre{background:#1f2529;color:#e8edf0;padding:13px 16px;border-radius:8px;overflow-x:auto;font:13px/1.45 "DejaVu Sans Mono",ui-monospace,monospace;margin:8px 0}
figure{margin:0;background:#fff;border:1px solid var(--line);border-radius:10px;padding:8px}
figure img{width:100%;height:auto;display:block}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(520px,1fr));gap:16px}
details{margin:10px 0}
summary{cursor:pointer;color:var(--accent);font-weight:600;padding:4px 0}
li{margin:3px 0}
@media print{body{background:#fff}details{display:block}}
)";
}

} // namespace sextant::html
