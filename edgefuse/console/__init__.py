"""The console: a page that shows the fleet, and the HTTP API that it is made of.

    browser, scripts ──► headers ──► app: route table ──► access: who asks, may they? ──► a handler, in a thread
                                        └── openapi.json                   rows ◄── store    site's folder ──► broker

It reads what controllers keep, and acts as ``edgefuse fleet`` does, under the site's own keys: it has no right that the
site's folder does not give. ``page/`` holds what browsers run: plain modules, HTML and CSS.
"""
