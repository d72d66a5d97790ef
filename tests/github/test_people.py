import pytest

from bot.core.model import Person
from bot.github.people import address_host


@pytest.mark.parametrize(
    ("api_url", "host"),
    [
        ("https://api.github.com", "users.noreply.github.com"),
        ("https://ghe.example.org/api/v3", "users.noreply.ghe.example.org"),
        ("http://ghe.example.org:8080/api/v3/", "users.noreply.ghe.example.org"),
        ("https://api.octocorp.ghe.com", "users.noreply.octocorp.ghe.com"),
    ],
)
def test_addresses_are_of_the_server(api_url: str, host: str):
    assert address_host(api_url) == host


def test_a_person_is_written_as_git_has_it():
    assert str(Person("ada", "7+ada@x.org")) == "ada <7+ada@x.org>"
