#include "host/report/page_style.hpp"

#include <fmt/format.h>

#include "host/report/palette.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view kPageRules =
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:1240px;padding:56px 32px 72px;background:var(--paper);color:var(--ink);"
    "font-size:15px;line-height:1.55;-webkit-text-size-adjust:100%}"
    "h1{font-size:26px;font-weight:600;letter-spacing:-.01em;line-height:1.25;margin:0 0 6px}"
    "h2{font-size:18px;font-weight:600;margin:56px 0 14px}"
    "h3{font-size:15px;font-weight:600;margin:36px 0 0}"
    ".figures+h3{margin-top:60px}"
    "p{margin:0 0 10px;max-width:74ch}"
    ".lead,figcaption,.note,dd,caption{color:var(--muted)}"
    ".wide{overflow-x:auto;margin:28px 0 0}"
    "table{border-collapse:collapse;font-size:13.5px;line-height:1.4;font-variant-numeric:tabular-"
    "nums}"
    "caption{text-align:left;font-size:13.5px;padding:0 0 8px}"
    "thead th{font-weight:600;vertical-align:bottom;white-space:nowrap}"
    "th,td{padding:7px 26px 7px 0;text-align:left;vertical-align:baseline}"
    "th:last-child,td:last-child{padding-right:0}"
    ".number{text-align:right;white-space:nowrap}"
    "tbody th{font-weight:600}tbody td{white-space:nowrap}tbody th,tbody td.text{white-space:normal;"
    "overflow-wrap:break-word;max-width:34em}"
    "thead tr{border-top:1.5px solid var(--ink);border-bottom:1px solid var(--rule)}"
    "tbody tr:last-child{border-bottom:1.5px solid var(--ink)}"
    ".absent{color:var(--muted)}"
    ".run{display:inline-flex;align-items:baseline;margin-right:16px}.run:last-child{margin-right:0}"
    ".swatch{flex:none;width:28px;height:12px;margin-right:9px}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:52px 56px;"
    "margin-top:24px}"
    "figure{margin:0;min-width:0;max-width:600px}"
    "figure svg{display:block;width:100%;height:auto;overflow:visible}"
    "figcaption{font-size:13.5px;line-height:1.5;margin-top:10px}"
    "figcaption b{color:var(--ink);font-weight:600}"
    ".note{display:block;font-size:12.5px;margin-top:4px}"
    "sub,sup{font-size:.74em;line-height:0}code{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu "
    "Sans "
    "Mono',monospace;font-size:.9em}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:6px "
    "22px;margin:0;max-width:90ch;font-size:14px}"
    "dt{font-weight:600}dd{margin:0}"
    "figure.whole{max-width:none;margin-top:24px}.whole figcaption{max-width:100ch}"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,240px),1fr));gap:20px 28px}"
    "svg.legend{width:auto;max-width:100%;height:32px;margin-top:16px}"
    "details{margin-top:6px;font-size:12.5px}summary{cursor:pointer}"
    ".token{background:var(--grid);border-radius:3px;padding:0 4px;white-space:pre-wrap}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:24px 56px;"
    "margin-top:20px}"
    ".card{border-top:1.5px solid var(--ink);border-bottom:1px solid var(--rule);padding:12px 0 "
    "16px;max-width:"
    "600px}"
    ".card h3{margin:0 0 10px}.card dd{color:var(--ink)}"
    ".concepts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:0 56px}"
    "@media (max-width:640px){body{padding:32px 18px "
    "48px}.figures{gap:40px}dl{grid-template-columns:1fr;gap:0}"
    "dd{margin-bottom:10px}}"
    "@media print{body{padding:0;max-width:none;font-size:10.5pt}.wide{overflow:visible}"
    ".figures{grid-template-columns:1fr 1fr;gap:28px "
    "32px}figure,tr{break-inside:avoid}h2{break-after:avoid}}";

}  // namespace

std::string page_style() {
    return fmt::format(
        ":root{{color-scheme:light dark;{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}"
        "@media print{{:root{{color-scheme:light}}}}body{{font-family:{}}}{}{}",
        custom_properties(light_palette()), custom_properties(dark_palette()), kFontFamily, kPageRules,
        chart_rules(nullptr));
}

}  // namespace ntpgeo
