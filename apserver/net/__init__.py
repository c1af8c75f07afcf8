"""Outgoing HTTP. Only here are sockets to other servers opened."""
