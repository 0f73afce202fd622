"""The operator's side of the link: the site's authority, enrolment of devices, and commands to them.

``site.py`` is where everything of one site lies. Nothing here loads pixels or vendors; certificates are made with the
package ``cryptography``, which only ``authority.py`` imports.
"""
