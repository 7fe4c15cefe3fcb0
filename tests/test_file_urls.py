"""The URLs of files: stable ones, and those under which a hub serves them."""

import msgspec
import pytest
from hypothesis import given

from dendro_local.file_urls import (
    FileUrl,
    blob_url,
    console_url,
    file_url,
    other_url,
    parse_blob_url,
    parse_file_url,
    stable_url,
    usage_log_url,
)
from dendro_local.model import Digest
from tests.definitions import file_urls

JOB = ("lab", "hello_world", "hello_world_1", "aZ09aZ09aZ09aZ09aZ09")
BASE = "http://127.0.0.1:61423"
PREFIX = "dendro:f/lab/hello_world/hello_world_1/aZ09aZ09aZ09aZ09aZ09"


def test_the_files_of_a_job_have_stable_urls() -> None:
    assert file_url(*JOB, "output[0]", "a b.txt") == f"{PREFIX}/output[0]/a b.txt"
    assert console_url(*JOB) == f"{PREFIX}/console_output/output.txt"
    assert usage_log_url(*JOB) == f"{PREFIX}/resource_utilization_log/log.jsonl"
    assert other_url(*JOB, "plots/raster.png") == f"{PREFIX}/other/plots/raster.png"


@given(file_urls)
def test_a_file_url_says_what_it_was_made_of(file: FileUrl) -> None:
    assert parse_file_url(file_url(*msgspec.structs.astuple(file))) == file


def test_only_files_under_other_have_names_of_several_parts() -> None:
    parsed = parse_file_url(other_url(*JOB, "a/b"))
    assert parsed is not None
    assert (parsed.output_name, parsed.file_base_name) == ("other", "a/b")
    assert parse_file_url(f"{PREFIX}/output/a/b") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dendro:f/",
        f"{PREFIX}/output",
        f"{PREFIX}/output/",
        f"{PREFIX}//a",
        f"{PREFIX}/../a",
        f"{PREFIX}/other/a/../b",
        f"{PREFIX}/other/a//b",
        f"{PREFIX}/output/a\\b",
        f"{PREFIX}/output/a\n",
        f"x{PREFIX}/output/a",
        f"{BASE}/f/a/b/c/d/e/f",
        blob_url(Digest("0" * 64)),
    ],
)
def test_a_url_of_another_form_is_no_file_url(url: str) -> None:
    assert parse_file_url(url) is None


def test_a_blob_url_holds_the_digest() -> None:
    digest = Digest("0123456789abcdef" * 4)
    assert blob_url(digest) == f"dendro:sha256/{digest}"
    assert parse_blob_url(blob_url(digest)) == digest


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "../" + "0" * 64]
)
def test_a_url_without_a_digest_is_no_blob_url(digest: str) -> None:
    assert parse_blob_url(f"dendro:sha256/{digest}") is None


@pytest.mark.parametrize("base", [BASE, f"{BASE}/", "https://hub.example/dendro"])
def test_a_url_under_a_base_becomes_stable(base: str) -> None:
    url = f"{base.rstrip('/')}/f/lab/app/proc/job/output%5B0%5D/100%25%20%C3%A9.txt"
    assert (
        stable_url(url, ["http://elsewhere", base])
        == "dendro:f/lab/app/proc/job/output[0]/100% é.txt"
    )


def test_an_unencoded_url_under_a_base_becomes_the_same() -> None:
    encoded = f"{BASE}/f/lab/app/proc/job/other/a%20b/c"
    assert stable_url(f"{BASE}/f/lab/app/proc/job/other/a b/c", [BASE]) == stable_url(
        encoded, [BASE]
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.dandiarchive.org/api/assets/1/download/",
        "http://127.0.0.1:614230/f/a/b/c/d/e/f",
        f"{BASE}/g/a/b/c/d/e/f",
        f"{BASE}/f/a/b/c/d/e",
        f"{BASE}/f/a/b/c/d/e/f?signature=1",
        f"{BASE}/f/a/b/c/d/e/f#part",
        f"{BASE}/f/a/b/c/d/e/%FF",
        f"{BASE}/f/a/b/c/d/e/a%2Fb",
        f"{BASE}/f/a/b/c/d/%2E%2E/f",
        f"{BASE}/f/a/b/c/d/other/%2e%2e/f",
        f"{BASE}/f/a/b/c/d/e/a%00",
        f"{PREFIX}/output/a%20b",
        "",
    ],
)
def test_every_other_url_stays_as_it_is(url: str) -> None:
    assert stable_url(url, [BASE]) == url
    assert stable_url(url, []) == url
