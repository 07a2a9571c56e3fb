"""Which addresses an event may go to: a name that leads into the operator's own network leads nowhere."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from execution.errors import Retriable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# IPv6 addresses that stand for IPv4 ones (RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(Retriable):
    """The endpoint's name leads to an address that nothing may be sent to."""


@dataclass(frozen=True, kw_only=True)
class AddressRule:
    """`private`: the operator has said that addresses of a network of their own may be spoken to; `loopback`: that this
    machine may.
    """

    private: bool
    loopback: bool

    def allows(self, address: Address) -> bool:
        plain = _plain(address)
        if plain.is_loopback:
            return self.loopback or self.private
        if plain.is_multicast or plain.is_unspecified:
            return False
        # Link-local addresses hold what a host tells of itself, keys included: nobody's endpoint is there.
        return not plain.is_link_local and (plain.is_global or self.private)

    def resolved(self, host: str, port: int) -> str:
        """An address of this host that may be spoken to: the one that is then spoken to, so that no second look-up may
        answer otherwise. Raises AddressRefused where none may, or one may not.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Retriable(f"the endpoint's name is not known ({type(error).__name__})") from None
        addresses = [str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found]
        # All of them: who may answer with one of ours beside one of theirs chooses which is taken.
        if not addresses or not all(self.allows(ipaddress.ip_address(one)) for one in addresses):
            raise AddressRefused("the endpoint's name leads to a private address")
        return addresses[0]


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as an IPv6 one is what it stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _TRANSLATED:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
