"""What the page is made of: nothing that its policy forbids, and nothing that it lacks."""

from __future__ import annotations

import re

from coordinator.http.answers import HEADERS
from coordinator.http.files import page_files

FILES = {name: file.content.decode() for name, file in page_files().items()}
MODULES = {name: text for name, text in FILES.items() if name.endswith(".js")}


def test_the_policy_has_no_exception() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy


def test_nothing_is_written_into_the_page_that_the_policy_forbids() -> None:
    html = FILES["index.html"]
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", html)
    assert re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL) == [
        (' type="module" src="page/page.js"', "")
    ]
    for name, text in MODULES.items():
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        ), name
        assert not re.search(r"(localStorage|sessionStorage)[.\[]|document\.cookie", text), name


def test_nothing_leads_elsewhere() -> None:
    for name, text in FILES.items():
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name  # a name, which nothing asks for
        assert not re.search(r"@import|url\(", text), name


def test_each_file_is_there_and_used() -> None:
    html, used = FILES["index.html"], {"index.html"}
    used |= set(re.findall(r'"page/([^"]+)"', html))
    for name, text in MODULES.items():
        imported = re.findall(r'from "\./([^"]+)"', text)
        assert set(imported) <= FILES.keys(), name
        used |= set(imported)
        ids = set(re.findall(r'byId\("([^"]+)"\)', text))
        missing = [one for one in ids if f'id="{one}"' not in html]
        assert missing == [], name
    assert used == FILES.keys()
    all_ids = re.findall(r' id="([^"]+)"', html)
    assert len(all_ids) == len(set(all_ids))


def test_files_are_small() -> None:
    for name, text in FILES.items():
        assert text.count("\n") <= 300, name
    assert sum(len(text) for text in FILES.values()) < 80_000
