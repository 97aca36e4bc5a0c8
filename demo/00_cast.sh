# Who and what appears in the story.

pass=D3920000A101             # METRO's applications: travel pass
park=D3920000A102             #                       park and ride
books=D3920000B101            # LIBRARY's:            library card

aiko_1=3566002020360505       # Aiko's card, and those that replace it
aiko_2=3566002020367310
aiko_3=3566002020369449
kenji_1=0x04A22B6C3D5E80      # Kenji's: only the issuer can read its id
kenji_2=0x04A22B6C3D5E91
kenji_3=3566002020375123      #          until he takes one that anybody can
sora_1=8981100123456789017    # Sora's: on a builder's own platform
sora_2=8981100123456789207
sora_3=8981100123456789355
sora_4=0x04A22B6C3D5EA2       #         then one that only the issuer can read
mika_1=3566002020372559       # Mika's: her first card
mika_2=3566002020374712       #         and the one that replaces it

paragraph block
cat <<TEXT
  bank      BANKJP, Bank of Japan Point: the card issuer
  metro     METRO, Metro Transit: a service provider of the bank's group, so
            it may have its notices by logical replication
  library   LIBRARY, City Library: a service provider from outside, which
            fetches its notices and may call nine functions at the bank

  Each is a PostgreSQL cluster of its own.  At the prompt bank=# the owner of
  the extension speaks, at teller@bank=> an ordinary role, at $ a shell.

  Method 1, by notice, is told first, with the cards of Aiko and Sora.  Then
  comes method 2, by inquiry, with Kenji's, whose id only the bank can read.
TEXT
