"""Pods' addresses on simulated nodes: each node has a network, each pod one address of it."""

import ipaddress


class Addresses:
    """The addresses of one node's pods, by pod uid; those given back are given again last."""

    def __init__(self, cidr: str) -> None:
        network = ipaddress.ip_network(cidr)
        self._first, self._size = int(network.network_address) + 2, network.num_addresses - 3
        self._of: dict[str, int] = {}
        self._used: set[int] = set()
        self._next = 0

    def known(self, uid: str, address: str) -> None:
        """A pod has this address already."""
        try:
            number = int(ipaddress.ip_address(address)) - self._first
        except ValueError:
            return
        if 0 <= number < self._size and uid not in self._of:
            self._of[uid] = number
            self._used.add(number)

    def give(self, uid: str) -> str:
        """The pod's address; empty: there is none left."""
        number = self._of.get(uid)
        if number is None:
            if len(self._used) >= self._size:
                return ""
            while self._next in self._used:
                self._next = (self._next + 1) % self._size
            number, self._next = self._next, (self._next + 1) % self._size
            self._of[uid] = number
            self._used.add(number)
        return str(ipaddress.ip_address(self._first + number))

    def free(self, uid: str) -> None:
        """The pod is gone."""
        number = self._of.pop(uid, None)
        if number is not None:
            self._used.discard(number)
